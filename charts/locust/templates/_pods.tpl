{{/* The pod of the master, or of the only process. */}}
{{- define "locust.masterPod" -}}
metadata:
  labels:
    {{- include "locust.labels" (list . "master") | nindent 4 }}
    {{- if eq .Values.mode "job" }}
    {{- include "locust.runLabel" . | nindent 4 }}
    {{- end }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: locust
    {{- include "locust.secretAnnotation" . | nindent 4 }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "locust.podBasics" (list .) | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "locust.gracePeriod" . }}
  {{- if eq .Values.mode "job" }}
  restartPolicy: Never
  {{- end }}
  containers:
    - name: locust
      {{- include "locust.imageOf" . | nindent 6 }}
      args: {{- include "locust.arguments" . | nindent 8 }}
      env:
        {{- include "locust.environment" . | nindent 8 }}
        {{- if eq .Values.mode "job" }}
        {{- if not .Values.results.persistence.enabled }}
        - name: WIRESWARM_POD_LINGER
          value: {{ .Values.results.linger | quote }}
        {{- end }}
        - name: WIRESWARM_POD_SUCCEED
          value: {{ not .Values.assertions.failOnBreach | quote }}
        {{- end }}
        {{- if .Values.results.persistence.enabled }}
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if or (include "locust.hasWeb" .) (include "locust.distributed" .) (include "locust.hasMetrics" .) }}
      ports:
        {{- if include "locust.hasWeb" . }}
        - name: web
          containerPort: {{ .Values.web.port }}
        {{- end }}
        {{- if include "locust.distributed" . }}
        - name: workers
          containerPort: {{ .Values.workers.port }}
        {{- end }}
        {{- if include "locust.hasMetrics" . }}
        - name: metrics
          containerPort: {{ .Values.metrics.port }}
        {{- end }}
      {{- end }}
      {{- if include "locust.hasWeb" . }}
      # By TCP: a page may ask for a login, or be below another path.
      startupProbe:
        tcpSocket:
          port: web
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        tcpSocket:
          port: web
        periodSeconds: 15
        failureThreshold: 4
      readinessProbe:
        tcpSocket:
          port: web
        periodSeconds: 5
      {{- else }}
      # `kubectl wait --for=condition=ready` is until the results can be fetched.
      readinessProbe:
        exec:
          command: [test, -e, /results/exit_code]
        periodSeconds: 2
      {{- end }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- include "locust.containerSecurity" . | nindent 8 }}
      volumeMounts:
        {{- include "locust.volumeMounts" . | nindent 8 }}
        - name: results
          mountPath: /results
          {{- if .Values.results.persistence.enabled }}
          subPathExpr: $(POD_NAME)
          {{- end }}
  volumes:
    {{- include "locust.volumes" . | nindent 4 }}
    - name: results
      {{- if .Values.results.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ include "locust.claim" . }}
      {{- else }}
      emptyDir: {}
      {{- end }}
{{- end }}

{{/* The pod of a worker. It has the master's files and environment, and writes no results. */}}
{{- define "locust.workerPod" -}}
metadata:
  labels:
    {{- include "locust.labels" (list . "worker") | nindent 4 }}
    {{- if eq .Values.mode "job" }}
    {{- include "locust.runLabel" . | nindent 4 }}
    {{- end }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: locust
    {{- include "locust.secretAnnotation" . | nindent 4 }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "locust.podBasics" (list .) | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "locust.gracePeriod" . }}
  {{- if eq .Values.mode "job" }}
  restartPolicy: Never
  {{- end }}
  containers:
    - name: locust
      {{- include "locust.imageOf" . | nindent 6 }}
      args: {{- include "locust.workerArguments" . | nindent 8 }}
      env: {{- include "locust.environment" . | nindent 8 }}
      {{- with .Values.extraEnvFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      resources: {{- toYaml (.Values.workers.resources | default .Values.resources) | nindent 8 }}
      securityContext: {{- include "locust.containerSecurity" . | nindent 8 }}
      volumeMounts: {{- include "locust.volumeMounts" . | nindent 8 }}
  volumes: {{- include "locust.volumes" . | nindent 4 }}
{{- end }}

{{/* Another secret may need other pods. Not a checksum of it: who may read pods could try passwords on that. */}}
{{- define "locust.secretAnnotation" -}}
{{- if and (include "locust.usesOwnSecret" .) (eq .Values.mode "deployment") -}}
wireswarm/secret-of-revision: {{ .Release.Revision | toString | quote }}
{{- end }}
{{- end }}

{{- define "locust.usesOwnSecret" -}}
{{- if or .Values.auth.username .Values.auth.token }}true{{ end -}}
{{- end }}

{{- define "locust.secretData" -}}
{{- with .Values.auth }}
{{- if .username }}
BASIC_AUTH_USERNAME: {{ .username | toRawJson }}
BASIC_AUTH_PASSWORD: {{ .password | toRawJson }}
{{- end }}
{{- if .token }}
token: {{ .token | toRawJson }}
{{- end }}
{{- end }}
{{- end }}
