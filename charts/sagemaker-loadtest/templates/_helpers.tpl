{{/* Names. The longest suffix is that of a worker's Job, -worker-r1234567, and Kubernetes adds index and hash to its pods, whose host name has at most 63 characters. */}}
{{- define "loadtest.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "loadtest.fullname" -}}
{{- $name := include "loadtest.name" . }}
{{- $full := .Values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) }}
{{- if regexMatch "^[0-9]" $full }}{{/* The name of a Service begins with a letter. */}}
{{- $full = printf "lt-%s" $full }}
{{- end }}
{{- if gt (len $full) 36 }}
{{- printf "%s-%s" ($full | trunc 27 | trimSuffix "-") (sha256sum $full | trunc 8) }}
{{- else }}
{{- $full }}
{{- end }}
{{- end }}

{{/* A name for each run: Jobs cannot be changed, so that an upgrade makes new ones. */}}
{{- define "loadtest.runID" -}}
{{- .Values.job.runID | default (printf "r%d" (int .Release.Revision)) }}
{{- end }}

{{- define "loadtest.runName" -}}
{{- $run := include "loadtest.runID" . }}
{{- le (len $run) 12 | ternary $run (sha256sum $run | trunc 10) }}
{{- end }}

{{/* A hook is rendered once and runs again and again: its pod's name tells its runs apart. */}}
{{- define "loadtest.repeats" -}}
{{- if and (ne .Values.mode "Interactive") (has .Values.job.trigger (list "HelmTest" "ArgoPostSync")) }}true{{ end }}
{{- end }}

{{- define "loadtest.folder" -}}
{{- include "loadtest.repeats" . | empty | ternary (include "loadtest.runID" .) "$(POD_NAME)" }}
{{- end }}

{{- define "loadtest.masterName" -}}
{{- if eq .Values.mode "Interactive" }}{{ include "loadtest.fullname" . }}-master
{{- else }}{{ include "loadtest.fullname" . }}-{{ include "loadtest.runName" . }}{{ end }}
{{- end }}

{{- define "loadtest.workerName" -}}
{{- if eq .Values.mode "Interactive" }}{{ include "loadtest.fullname" . }}-worker
{{- else }}{{ include "loadtest.fullname" . }}-worker-{{ include "loadtest.runName" . }}{{ end }}
{{- end }}

{{- define "loadtest.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "loadtest.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "loadtest.claimName" -}}
{{- .Values.results.persistence.existingClaim | default (include "loadtest.fullname" .) }}
{{- end }}

{{- define "loadtest.resultName" -}}
{{ include "loadtest.fullname" . }}-result
{{- end }}

{{- define "loadtest.webSecret" -}}
{{- .Values.web.existingSecret | default (printf "%s-web" (include "loadtest.fullname" .)) }}
{{- end }}

{{- define "loadtest.payloadsConfigMap" -}}
{{- if .Values.payloads.existingConfigMap }}{{ .Values.payloads.existingConfigMap }}
{{- else if or .Values.payloads.files .Values.payloads.binaryFiles }}{{ include "loadtest.fullname" . }}-payloads{{ end }}
{{- end }}

{{- define "loadtest.locustfileConfigMap" -}}
{{- if .Values.locustfile.existingConfigMap }}{{ .Values.locustfile.existingConfigMap }}
{{- else if .Values.locustfile.content }}{{ include "loadtest.fullname" . }}-test{{ end }}
{{- end }}

{{- define "loadtest.image" -}}
{{- $name := .Values.image.repository }}
{{- with .Values.image.registry }}
{{- $name = printf "%s/%s" (trimSuffix "/" .) $name }}
{{- end }}
{{- if .Values.image.digest }}{{ $name }}@{{ .Values.image.digest }}
{{- else }}{{ $name }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "loadtest.selectorLabels" -}}
app.kubernetes.io/name: {{ include "loadtest.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "loadtest.labels" -}}
{{ include "loadtest.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The master's own account reads the endpoint and writes the result; workers never get a token. */}}
{{- define "loadtest.usesKubernetes" -}}
{{- if or .Values.endpoint.resource (and (eq .Values.mode "Job") .Values.results.configMap.enabled) }}true{{ end }}
{{- end }}

{{- define "loadtest.distributed" -}}
{{- if or (eq .Values.mode "Interactive") (eq .Values.workers.placement "Pods") }}true{{ end }}
{{- end }}

{{/* The test as a mapping, also when it is the text of a file: endpoint and workers are those of the values. */}}
{{- define "loadtest.test" -}}
{{- $test := .Values.test }}
{{- if kindIs "string" $test }}
{{- $test = fromYaml $test }}
{{- with $test.Error }}
{{- fail (printf "test: this text is no mapping in YAML (%s). Give a test file, for example with --set-file test=FILE" .) }}
{{- end }}
{{- end }}
{{- toYaml (omit $test "endpoint" "workers") }}
{{- end }}

{{- define "loadtest.searches" -}}
{{- $test := include "loadtest.test" . | fromYaml }}
{{- if and (hasKey $test "search") (not (kindIs "invalid" $test.search)) }}true{{ end }}
{{- end }}

{{/* What a schema cannot say, in words. */}}
{{- define "loadtest.check" -}}
{{- include "loadtest.checkEndpoint" . }}
{{- include "loadtest.checkTest" . }}
{{- include "loadtest.checkRunID" . }}
{{- include "loadtest.checkPassword" . }}
{{- if eq .Values.mode "Job" }}
{{- if and (eq .Values.job.trigger "HelmTest") (eq .Values.workers.placement "Pods") }}
{{- fail "job.trigger: HelmTest runs one hook after the other, so workers cannot be pods of their own. Set workers.placement: MasterPod" }}
{{- end }}
{{- else if eq .Values.workers.placement "MasterPod" }}
{{- fail "mode: Interactive has its workers in pods. Set workers.placement: Pods" }}
{{- else if include "loadtest.searches" . }}
{{- fail "mode: Interactive has no verdict, so no rate can be searched for. Set mode: Job, or take search out of the test" }}
{{- end }}
{{- end }}
