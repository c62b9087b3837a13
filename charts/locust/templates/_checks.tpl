{{/* What a schema cannot say, all problems at once, each with its key, what was found and what is allowed. */}}
{{- define "locust.checks" -}}
{{- $problems := list -}}
{{- with .Values -}}
{{- if not (or .loadTest.loadProfile (hasKey .profiles .loadTest.profile)) }}
{{- $problems = append $problems (printf "loadTest.profile: found %q; allowed: %s" .loadTest.profile (keys .profiles | sortAlpha | join ", ")) }}
{{- else }}
{{- $load := fromJson (include "locust.load" $) }}
{{- if and (eq .mode "job") (not (or .loadTest.loadProfile .loadTest.iterations $load.runTime $load.stages)) }}
{{- $problems = append $problems "loadTest.runTime: found nothing; a job needs an end: runTime, stages or iterations, here or in the profile" }}
{{- end }}
{{- end }}
{{- if not (or .loadTest.host (include "locust.hasTarget" $)) }}
{{- $problems = append $problems "loadTest.host: found nothing, with target.enabled false; allowed: a URL such as https://staging.example.com" }}
{{- end }}
{{- $sources := list }}
{{- range $key := list "inline" "file" "suite" }}{{ if get $.Values.locustfile $key }}{{ $sources = append $sources (printf "locustfile.%s" $key) }}{{ end }}{{ end }}
{{- if gt (len $sources) 1 }}
{{- $problems = append $problems (printf "locustfile: found %s; allowed: one of them" (join " and " $sources)) }}
{{- end }}
{{- if hasKey (.locustfile.files | default dict) "locustfile.py" }}
{{- $problems = append $problems "locustfile.files: found locustfile.py; that is locustfile.inline" }}
{{- end }}
{{- range $key, $name := dict "locustfile.file" .locustfile.file "testData.file" .testData.file }}
{{- if and $name (not ($.Files.Get (printf "files/%s" $name))) }}
{{- $there := list }}
{{- range $path, $_ := $.Files.Glob "files/**" }}{{ $there = append $there (trimPrefix "files/" $path) }}{{ end }}
{{- $problems = append $problems (printf "%s: found no file %q, or an empty one, in the chart's folder files/; there are: %s" $key $name ($there | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- $given := list }}
{{- range $key := list "inline" "file" "files" }}{{ if get $.Values.testData $key }}{{ $given = append $given (printf "testData.%s" $key) }}{{ end }}{{ end }}
{{- range $key := list "existingConfigMap" "existingClaim" }}
{{- if get $.Values.testData $key }}
{{- if $given }}{{ $problems = append $problems (printf "testData.%s: found it beside %s; allowed: one of them" $key (join ", " $given)) }}{{ end }}
{{- $given = append $given (printf "testData.%s" $key) }}
{{- end }}
{{- end }}
{{- $data := fromJson (include "locust.testData" $) }}
{{- if and .testData.selectedFile (not (or .testData.existingConfigMap .testData.existingClaim)) (not (hasKey $data .testData.selectedFile)) }}
{{- $problems = append $problems (printf "testData.selectedFile: found %q; allowed: %s" .testData.selectedFile (keys $data | sortAlpha | join ", " | default "nothing, as there is no test data")) }}
{{- end }}
{{- range $key, $text := dict "locustfile" (include "locust.locustfiles" $) "testData" (include "locust.testData" $) "protos" (include "locust.protos" $) }}
{{- if gt (len $text) 1000000 }}
{{- $problems = append $problems (printf "%s: found %d bytes; a config map holds 1 MiB: put larger files on a claim (testData.existingClaim, or extraVolumes)" $key (len $text)) }}
{{- end }}
{{- end }}
{{- if and .protos.existingConfigMap .protos.files }}
{{- $problems = append $problems "protos: found existingConfigMap and files; allowed: one of them" }}
{{- end }}
{{- with .auth }}
{{- if and .existingSecret (or .username .password .token) }}
{{- $problems = append $problems "auth.existingSecret: found it beside username, password or token; allowed: a secret of yours, or one that the chart makes" }}
{{- else if and .username (not .password) }}
{{- $problems = append $problems "auth.password: found nothing, but a username; allowed: both or none" }}
{{- else if and .password (not .username) }}
{{- $problems = append $problems "auth.username: found nothing, but a password; allowed: both or none" }}
{{- end }}
{{- if and .existingSecret (ne (empty .existingSecretUsernameKey) (empty .existingSecretPasswordKey)) }}
{{- $problems = append $problems "auth.existingSecretUsernameKey, auth.existingSecretPasswordKey: found one of them; allowed: both or none" }}
{{- else if and .existingSecret (not (or .existingSecretUsernameKey .existingSecretTokenKey)) }}
{{- $problems = append $problems "auth.existingSecret: found it without a key; allowed: existingSecretUsernameKey and existingSecretPasswordKey, existingSecretTokenKey, or all" }}
{{- end }}
{{- end }}
{{- $least := add (int .loadTest.stopTimeoutSeconds) 31 }}
{{- if lt (int (include "locust.gracePeriod" $)) (int $least) }}
{{- $problems = append $problems (printf "terminationGracePeriodSeconds: found %s; allowed: %d or more, for loadTest.stopTimeoutSeconds and what the reports take" (include "locust.gracePeriod" $) $least) }}
{{- end }}
{{- if eq .mode "job" }}
{{- range $key, $on := dict "ingress.enabled" .ingress.enabled "autoscaling.enabled" .autoscaling.enabled "web.login" .web.login }}
{{- if $on }}{{ $problems = append $problems (printf "%s: found true with mode job; allowed: with mode deployment" $key) }}{{ end }}
{{- end }}
{{- end }}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) }}
{{- $problems = append $problems (printf "autoscaling.minReplicas: found %d; allowed: at most maxReplicas, %d" (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) }}
{{- end }}
{{- if and .ingress.enabled (not .ingress.host) }}
{{- $problems = append $problems "ingress.host: found nothing; allowed: a host's name" }}
{{- end }}
{{- if and (eq .mode "deployment") (not .web.login) (not .web.exposeWithoutLogin) }}
{{- if .ingress.enabled }}
{{- $problems = append $problems "ingress.enabled: found true, but nobody would have to log in to start load; allowed: with web.login, or with web.exposeWithoutLogin where something else asks" }}
{{- end }}
{{- if ne .service.type "ClusterIP" }}
{{- $problems = append $problems (printf "service.type: found %s, but nobody would have to log in to start load; allowed: with web.login, or with web.exposeWithoutLogin where something else asks" .service.type) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $problems }}
{{- fail (printf "\n\n%s\n" (join "\n" $problems)) }}
{{- end }}
{{- end }}
