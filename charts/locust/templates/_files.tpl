{{/*
Files of a config map as JSON, {name: content}. A config map's name has a hash of them: it never changes, so that the
master and all workers of a run have the same ones, and other files are another config map and other pods.
*/}}
{{- define "locust.locustfiles" -}}
{{- $files := deepCopy (.Values.locustfile.files | default dict) -}}
{{- with .Values.locustfile -}}
{{- if .inline }}{{ $_ := set $files "locustfile.py" .inline }}
{{- else if not .suite }}{{ $_ := set $files "locustfile.py" ($.Files.Get (printf "files/%s" (.file | default "locustfile.py"))) }}{{ end }}
{{- end }}
{{- toRawJson $files }}
{{- end }}

{{- define "locust.testData" -}}
{{- $files := dict -}}
{{- with .Values.testData -}}
{{- if not (or .existingConfigMap .existingClaim) }}
{{- $files = deepCopy (.files | default dict) }}
{{- if .inline }}{{ $_ := set $files "batch_input.jsonl" .inline }}{{ end }}
{{- if .file }}{{ $_ := set $files .file ($.Files.Get (printf "files/%s" .file)) }}{{ end }}
{{- end }}
{{- end }}
{{- toRawJson $files }}
{{- end }}

{{- define "locust.protos" -}}
{{- if .Values.protos.existingConfigMap }}{}{{ else }}{{ toRawJson (.Values.protos.files | default dict) }}{{ end -}}
{{- end }}

{{/* The name of such a config map: list $ "test-data" (include "locust.testData" $). */}}
{{- define "locust.filesName" -}}
{{- printf "%s-%s-%s" (include "locust.fullname" (index . 0)) (index . 1) (index . 2 | sha256sum | trunc 10) -}}
{{- end }}

{{/* A key of a config map has no slash: the path of a file is in the volume. */}}
{{- define "locust.filesMap" -}}
{{- $root := index . 0 -}}
{{- $files := fromJson (index . 2) -}}
{{- if $files -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "locust.filesName" . }}
  labels: {{- include "locust.labels" (list $root "master") | nindent 4 }}
immutable: true
data:
  {{- range $name, $text := $files }}
  {{ replace "/" "__" $name | toRawJson }}: {{ toRawJson $text }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "locust.filesVolume" -}}
configMap:
  name: {{ include "locust.filesName" . }}
  items:
    {{- range $name, $_ := fromJson (index . 2) }}
    - key: {{ replace "/" "__" $name | toRawJson }}
      path: {{ toRawJson $name }}
    {{- end }}
    {{- with (index . 3) }}
    - key: {{ replace "/" "__" . | toRawJson }}
      path: batch_input.jsonl
    {{- end }}
{{- end }}

{{/* `sha256sum --check` of what is mounted, for `wireswarm pod`. */}}
{{- define "locust.checksums" -}}
{{- $folders := dict "/locustfiles" (include "locust.locustfiles" .) "/test_data" (include "locust.testData" .) "/protos" (include "locust.protos" .) -}}
{{- range $folder, $files := $folders }}
{{- range $name, $text := fromJson $files }}
{{ sha256sum $text }}  {{ $folder }}/{{ $name }}
{{- end }}
{{- end }}
{{- end }}

{{- define "locust.volumes" -}}
- name: tmp
  emptyDir: {}
{{- $locustfiles := include "locust.locustfiles" . }}
{{- if fromJson $locustfiles }}
- name: locustfiles
  {{- include "locust.filesVolume" (list . "locustfile" $locustfiles "") | nindent 2 }}
{{- end }}
{{- $data := include "locust.testData" . }}
{{- with .Values.testData }}
{{- if .existingClaim }}
- name: test-data
  persistentVolumeClaim:
    claimName: {{ .existingClaim }}
    readOnly: true
{{- else if .existingConfigMap }}
- name: test-data
  configMap:
    name: {{ .existingConfigMap }}
{{- else if fromJson $data }}
- name: test-data
  {{- $again := hasKey (fromJson $data) "batch_input.jsonl" | ternary "" .file }}
  {{- include "locust.filesVolume" (list $ "test-data" $data $again) | nindent 2 }}
{{- end }}
{{- end }}
{{- $protos := include "locust.protos" . }}
{{- if .Values.protos.existingConfigMap }}
- name: protos
  configMap:
    name: {{ .Values.protos.existingConfigMap }}
{{- else if fromJson $protos }}
- name: protos
  {{- include "locust.filesVolume" (list . "protos" $protos "") | nindent 2 }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "locust.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if fromJson (include "locust.locustfiles" .) }}
- name: locustfiles
  mountPath: /locustfiles
  readOnly: true
{{- end }}
{{- if or .Values.testData.existingClaim .Values.testData.existingConfigMap (fromJson (include "locust.testData" .)) }}
- name: test-data
  mountPath: /test_data
  readOnly: true
{{- end }}
{{- if or .Values.protos.existingConfigMap (fromJson (include "locust.protos" .)) }}
- name: protos
  mountPath: /protos
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}
