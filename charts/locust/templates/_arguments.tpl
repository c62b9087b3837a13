{{/* How much load, as JSON: the profile's, with what `loadTest` says instead; the ways of saying it exclude each other. */}}
{{- define "locust.load" -}}
{{- $asked := dict -}}
{{- range $key := list "users" "spawnRate" "runTime" "stages" "arrivalRate" -}}
{{- $value := get $.Values.loadTest $key -}}
{{- if $value }}{{ $_ := set $asked $key $value }}{{ end -}}
{{- end -}}
{{- $profile := dict -}}
{{- if not .Values.loadTest.loadProfile }}{{ $profile = get .Values.profiles .Values.loadTest.profile | default dict }}{{ end -}}
{{- if $asked.stages }}{{ $profile = dict }}
{{- else if $asked.arrivalRate }}{{ $profile = omit $profile "stages" "spawnRate" }}
{{- else if $asked.users }}{{ $profile = omit $profile "stages" }}{{ end -}}
{{- merge $asked $profile | toRawJson -}}
{{- end }}

{{/* What the master or the only process is started with. No secret is here: everybody sees a pod's arguments. */}}
{{- define "locust.arguments" -}}
{{- $args := list -}}
{{- with .Values -}}
{{- if eq .mode "job" }}{{ $args = concat $args (list "--headless") }}
{{- else }}{{ $args = concat $args (list "--web-port" (toRawJson .web.port)) }}
{{- if .web.login }}{{ $args = append $args "--web-login" }}{{ end }}
{{- if .web.basePath }}{{ $args = concat $args (list "--web-base-path" .web.basePath) }}{{ end }}
{{- end }}
{{- if include "locust.distributed" $ }}
{{- $args = concat $args (list "--master" "--master-bind-port" (toRawJson .workers.port)) }}
{{- if eq .mode "job" }}{{ $args = concat $args (list "--expect-workers" (toRawJson .workers.replicas) "--expect-workers-max-wait" (toRawJson .workers.maxWaitSeconds)) }}{{ end }}
{{- end }}
{{- $args = concat $args (list "--host" (include "locust.host" $)) }}
{{- with .loadTest.loadProfile }}{{ $args = concat $args (list "--load-profile" .) }}{{ end }}
{{- with fromJson (include "locust.load" $) }}
{{- with .users }}{{ $args = concat $args (list "--users" (toRawJson .)) }}{{ end }}
{{- with .spawnRate }}{{ $args = concat $args (list "--spawn-rate" (toRawJson .)) }}{{ end }}
{{- with .runTime }}{{ $args = concat $args (list "--run-time" .) }}{{ end }}
{{- with .stages }}{{ $args = concat $args (list "--stage" (join "," .)) }}{{ end }}
{{- with .arrivalRate }}{{ $args = concat $args (list "--arrival-rate" .) }}{{ end }}
{{- end }}
{{- with .loadTest.iterations }}{{ $args = concat $args (list "--iterations" (toRawJson .)) }}{{ end }}
{{- $args = concat $args (list "--stop-timeout" (toRawJson .loadTest.stopTimeoutSeconds)) }}
{{- with .loadTest.allowedHosts }}{{ $args = concat $args (list "--allowed-hosts" (join "," .)) }}{{ end }}
{{- if .loadTest.failOnInvalid }}{{ $args = append $args "--fail-on-invalid" }}{{ end }}
{{- range .assertions.thresholds }}{{ $args = concat $args (list "--threshold" .) }}{{ end }}
{{- if include "locust.hasMetrics" $ }}{{ $args = concat $args (list "--prometheus-port" (toRawJson .metrics.port)) }}{{ end }}
{{- with .loadTest.excludeTags }}{{ $args = concat $args (list "--exclude-tags") . }}{{ end }}
{{- with .loadTest.tags }}{{ $args = concat $args (list "--tags") . }}{{ end }}
{{- $args = concat $args .loadTest.extraArgs }}
{{- with .loadTest.userClasses }}{{ $args = concat $args (list "--") . }}{{ end }}
{{- end }}
{{- include "locust.strings" $args }}
{{- end }}

{{- define "locust.workerArguments" -}}
{{- include "locust.strings" (concat (list "--worker" "--master-host" (include "locust.fullname" .) "--master-port" (toRawJson .Values.workers.port)) .Values.workers.extraArgs) }}
{{- end }}

{{/* The environment of every process of Locust. */}}
{{- define "locust.environment" -}}
- name: LOCUST_LOCUSTFILE
  value: {{ .Values.locustfile.suite | default "/locustfiles/locustfile.py" | quote }}
{{- if and (include "locust.hasTarget" .) (not .Values.loadTest.host) }}
- name: EXAMPLE_PATH # the reference target has nothing at /
  value: /health
{{- end }}
{{- with .Values.testData }}
{{- $names := keys (fromJson (include "locust.testData" $)) }}
{{- $one := eq (len $names) 1 | ternary (first $names) "" }}
{{- with .selectedFile | default $one }}
- name: TEST_DATA_FILE
  value: {{ printf "/test_data/%s" . | quote }}
{{- end }}
{{- end }}
{{- with .Values.assertions }}
{{- if not (kindIs "invalid" .p95ThresholdMs) }}
- name: P95_THRESHOLD_MS
  value: {{ toRawJson .p95ThresholdMs | quote }}
{{- end }}
{{- if not (kindIs "invalid" .errorRateThreshold) }}
- name: ERROR_RATE_THRESHOLD
  value: {{ toRawJson .errorRateThreshold | quote }}
{{- end }}
{{- end }}
{{- $auth := .Values.auth }}
{{- $secret := $auth.existingSecret | default (include "locust.name" (list . "-auth")) }}
{{- if or $auth.username (and $auth.existingSecret $auth.existingSecretUsernameKey) }}
- name: WIRESWARM_STOCK_BASIC_AUTH
  value: "true"
{{- range $variable, $key := dict "BASIC_AUTH_USERNAME" $auth.existingSecretUsernameKey "BASIC_AUTH_PASSWORD" $auth.existingSecretPasswordKey }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ empty $auth.existingSecret | ternary $variable $key }}
{{- end }}
{{- end }}
{{- if or $auth.token (and $auth.existingSecret $auth.existingSecretTokenKey) }}
- name: {{ $auth.tokenVariable }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ empty $auth.existingSecret | ternary "token" $auth.existingSecretTokenKey }}
{{- end }}
{{- with include "locust.checksums" . }}
- name: WIRESWARM_POD_SHA256
  value: |-
    {{- trim . | nindent 4 }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
