{{/* RELEASE-locust, also where the release is called locust: names say which release they are of. */}}
{{- define "locust.fullname" -}}
{{ printf "%s-locust" .Release.Name }}
{{- end }}

{{/* That name with a suffix, within the 63 characters of a label: list $ "-worker". */}}
{{- define "locust.name" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 1 -}}
{{ printf "%s%s" (include "locust.fullname" $root | trunc (int (sub 63 (len $suffix))) | trimSuffix "-") $suffix }}
{{- end }}

{{/* The number of an upgrade, for the names of jobs: a job cannot be changed, and another run is another job. */}}
{{- define "locust.run" -}}
{{- if gt (int .Release.Revision) 1 }}{{ printf "-%d" (int .Release.Revision) }}{{ end -}}
{{- end }}

{{- define "locust.job" -}}
{{ include "locust.name" (list . (include "locust.run" .)) }}
{{- end }}

{{- define "locust.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/*
Labels of a part: master (also the only process), worker, target, test, results. Only the master's name is `locust`, so
that `-l app.kubernetes.io/name=locust` is the pod with the log, the verdict and the results.
*/}}
{{- define "locust.selector" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
app.kubernetes.io/name: {{ eq $part "master" | ternary "locust" (printf "locust-%s" $part) }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ $part }}
{{- end }}

{{- define "locust.labels" -}}
{{- $root := index . 0 -}}
{{ include "locust.selector" . }}
app.kubernetes.io/part-of: locust
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Which run a job's pod belongs to: the workers of one must not find the master of another. */}}
{{- define "locust.runLabel" -}}
wireswarm/run: {{ .Release.Revision | toString | quote }}
{{- end }}

{{- define "locust.distributed" -}}
{{- if or (gt (int .Values.workers.replicas) 0) .Values.autoscaling.enabled }}true{{ end -}}
{{- end }}

{{- define "locust.hasWeb" -}}
{{- if eq .Values.mode "deployment" }}true{{ end -}}
{{- end }}

{{- define "locust.hasMetrics" -}}
{{- if or .Values.metrics.enabled .Values.metrics.serviceMonitor.enabled }}true{{ end -}}
{{- end }}

{{- define "locust.hasTarget" -}}
{{- if eq (toString .Values.target.enabled) "true" }}true
{{- else if and (ne (toString .Values.target.enabled) "false") (not .Values.loadTest.host) }}true{{ end -}}
{{- end }}

{{- define "locust.host" -}}
{{- .Values.loadTest.host | default (printf "http://%s:8000" (include "locust.name" (list . "-target"))) -}}
{{- end }}

{{- define "locust.gracePeriod" -}}
{{- $asked := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $asked }}{{ add (int .Values.loadTest.stopTimeoutSeconds) 50 }}{{ else }}{{ int $asked }}{{ end -}}
{{- end }}

{{- define "locust.claim" -}}
{{- .Values.results.persistence.existingClaim | default (include "locust.name" (list . "-results")) -}}
{{- end }}

{{/* A YAML list of strings, whatever the values are. */}}
{{- define "locust.strings" -}}
{{- range . }}
- {{ toString . | toRawJson }}
{{- end }}
{{- end }}

{{- define "locust.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "locust.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What all pods of ours have in common: list $ "worker". */}}
{{- define "locust.podBasics" -}}
{{- $root := index . 0 -}}
{{- with $root.Values -}}
automountServiceAccountToken: false
# A service's variables, LOCUST_…_PORT among them, would be read as options.
enableServiceLinks: false
{{- with .serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "locust.podSecurity" . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "locust.imageOf" -}}
image: {{ include "locust.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}
