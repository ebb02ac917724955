{{/* What a schema would refuse without saying how it is meant. Each sentence: field, value, remedy. */}}
{{- define "loadtest.checkEndpoint" -}}
{{- $e := .Values.endpoint }}
{{- if and $e.resource $e.name }}
{{- fail (printf "endpoint: both resource “%s” and name “%s” are set. Keep endpoint.resource for a SageMakerEndpoint of the namespace, or endpoint.name with endpoint.region for any endpoint" $e.resource $e.name) }}
{{- else if and $e.resource $e.region }}
{{- fail (printf "endpoint.region: “%s” is set beside endpoint.resource “%s”, whose status says the region. Leave it out" $e.region $e.resource) }}
{{- else if and $e.name (not $e.region) }}
{{- fail (printf "endpoint.region: is missing beside endpoint.name “%s”. Set it, for example to eu-west-1" $e.name) }}
{{- else if and $e.region (not $e.name) (not $e.resource) }}
{{- fail (printf "endpoint.name: is missing beside endpoint.region “%s”. Set it to the name of an endpoint there" $e.region) }}
{{- else if not (or $e.resource $e.name) }}
{{- fail "endpoint: no endpoint is named. Set endpoint.resource to a SageMakerEndpoint of the namespace, or endpoint.name and endpoint.region" }}
{{- end }}
{{- end }}

{{- define "loadtest.checkTest" -}}
{{- $test := include "loadtest.test" . | fromYaml }}
{{- $load := $test.load }}
{{- if not $load }}
{{- fail "test.load: is missing. Write for example {open: {rate: 50}, duration: 1m}" }}
{{- else if not (kindIs "map" $load) }}{{/* The program says it. */}}
{{- else if and (not (kindIs "invalid" $load.open)) (not (kindIs "invalid" $load.closed)) }}
{{- fail "test.load: both open and closed are set. Keep open for a rate of arrivals, or closed for a number of users" }}
{{- else if and (kindIs "invalid" $load.open) (kindIs "invalid" $load.closed) }}
{{- fail "test.load: neither open nor closed is set. Write for example open: {rate: 50} or closed: {users: 10}" }}
{{- end }}
{{- if not (or $test.payloads $test.locustfile) }}
{{- fail "test.payloads: is missing. Write for example {contentType: text/csv, sources: [{file: payloads/rows.csv, split: Lines}]}" }}
{{- end }}
{{- end }}

{{- define "loadtest.checkRunID" -}}
{{- $run := .Values.job.runID }}
{{- if and $run (not (kindIs "string" $run)) }}
{{- fail (printf "job.runID: %d is a number. Put it in quotes, or give it by --set-string" (int64 $run)) }}
{{- else if and $run (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $run)) }}
{{- $near := regexReplaceAllLiteral "[^a-z0-9]+" (lower $run) "-" | trimAll "-" | default "r1" }}
{{- fail (printf "job.runID: “%s” cannot be a part of the names of Jobs and pods. Use lower-case letters, digits and hyphens, with a letter or digit at both ends, for example %s" $run $near) }}
{{- end }}
{{- end }}

{{- define "loadtest.checkPassword" -}}
{{- $password := .Values.web.password }}
{{- if and $password (not (kindIs "string" $password)) }}
{{- fail "web.password: is a number. Put it in quotes, or give it by --set-string" }}
{{- else if and $password (lt (len $password) 8) }}
{{- fail (printf "web.password: has %d characters. Set at least 8, or web.existingSecret" (len $password)) }}
{{- else if and (eq .Values.mode "Interactive") (not $password) (not .Values.web.existingSecret) }}
{{- fail "web.password: is missing, and Locust's page has a login. Set at least 8 characters, or web.existingSecret to a Secret with the keys username and password" }}
{{- end }}
{{- end }}
