{{/* Both roles' pods. Call with (dict "root" $ "role" "master" or "worker" "spec" .Values.master or .Values.workers "args" list). */}}
{{- define "loadtest.podMetadata" -}}
labels:
  {{- include "loadtest.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .role }}
  {{- if eq .root.Values.mode "Job" }}
  sagemaker-operator.io/run: {{ include "loadtest.runName" .root | quote }}
  {{- end }}
  {{- with .spec.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  {{- if eq .root.Values.mode "Job" }}
  # A pod of a running test is not to be moved.
  cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
  karpenter.sh/do-not-disrupt: "true"
  {{- else }}
  # The program reads these at its start only.
  checksum/test: {{ print (include (print .root.Template.BasePath "/configmaps.yaml") .root) (include (print .root.Template.BasePath "/secret.yaml") .root) | sha256sum | trunc 16 | quote }}
  {{- end }}
  {{- with .spec.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "loadtest.podSpec" -}}
serviceAccountName: {{ include "loadtest.serviceAccountName" .root }}
automountServiceAccountToken: {{ and (eq .role "master") (eq (include "loadtest.usesKubernetes" .root) "true") }}
enableServiceLinks: false
restartPolicy: {{ eq .root.Values.mode "Interactive" | ternary "Always" "Never" }}
terminationGracePeriodSeconds: {{ eq .role "master" | ternary .root.Values.master.terminationGracePeriodSeconds 15 }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .spec.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .spec.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .spec.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if eq .role "worker" }}
{{- $selector := dict "matchLabels" (fromYaml (printf "%s\napp.kubernetes.io/component: worker" (include "loadtest.selectorLabels" .root))) }}
topologySpreadConstraints:
  {{- range .spec.topologySpreadConstraints | default (list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway")) }}
  - {{ merge . (dict "labelSelector" $selector) | toYaml | nindent 4 | trim }}
  {{- end }}
{{- end }}
containers:
  - name: {{ .role }}
    image: {{ include "loadtest.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [sagemaker-loadtest]
    args:
      {{- range .args }}
      - {{ . | quote }}
      {{- end }}
    env:
      {{- if eq .role "worker" }}
      - name: SAGEMAKER_LOADTEST_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      {{- end }}
      {{- if and (eq .role "master") (eq .root.Values.mode "Interactive") }}
      {{- range list "username" "password" }}
      - name: SAGEMAKER_LOADTEST_WEB_{{ upper . }}
        valueFrom:
          secretKeyRef:
            name: {{ include "loadtest.webSecret" $.root }}
            key: {{ . }}
      {{- end }}
      {{- end }}
      {{- if and (eq .role "master") (include "loadtest.repeats" .root) }}
      - name: POD_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      {{- end }}
      - name: HOME
        value: /tmp
      {{- with .root.Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with .root.Values.extraEnvFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      - name: http
        containerPort: 8080
        protocol: TCP
      {{- if and (eq .role "master") (include "loadtest.distributed" .root) }}
      - name: bus
        containerPort: 5557
        protocol: TCP
      {{- end }}
      {{- if and (eq .role "master") (eq .root.Values.mode "Interactive") }}
      - name: web
        containerPort: {{ .root.Values.web.port }}
        protocol: TCP
      {{- end }}
    {{- if eq .role "master" }}
    readinessProbe:
      httpGet:
        path: /readyz
        port: http
      periodSeconds: 2
      timeoutSeconds: 5
    {{- end }}
    resources:
      {{- toYaml .spec.resources | nindent 6 }}
    securityContext:
      {{- toYaml .root.Values.securityContext | nindent 6 }}
    volumeMounts:
      - name: tmp
        mountPath: /tmp
      {{- if eq .role "master" }}
      - name: test
        mountPath: /loadtest/test.yaml
        subPath: test.yaml
        readOnly: true
      - name: results
        mountPath: /results
      {{- end }}
      {{- if include "loadtest.locustfileConfigMap" .root }}
      - name: locustfile
        mountPath: /loadtest/locustfile.py
        subPath: locustfile.py
        readOnly: true
      {{- end }}
      {{- if include "loadtest.payloadsConfigMap" .root }}
      - name: payloads
        mountPath: /loadtest/payloads
        readOnly: true
      {{- end }}
      {{- with .root.Values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 256Mi
  {{- if eq .role "master" }}
  - name: test
    configMap:
      name: {{ include "loadtest.fullname" .root }}-test
  - name: results
    {{- if and .root.Values.results.persistence.enabled (eq .root.Values.mode "Job") }}
    persistentVolumeClaim:
      claimName: {{ include "loadtest.claimName" .root }}
    {{- else }}
    emptyDir:
      sizeLimit: 256Mi
    {{- end }}
  {{- end }}
  {{- with include "loadtest.locustfileConfigMap" .root }}
  - name: locustfile
    configMap:
      name: {{ . }}
      items: [{key: locustfile.py, path: locustfile.py}]
  {{- end }}
  {{- with include "loadtest.payloadsConfigMap" .root }}
  - name: payloads
    configMap:
      name: {{ . }}
  {{- end }}
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* The master's arguments: the same command as on a laptop, with workers in other pods. */}}
{{- define "loadtest.masterArgs" -}}
{{- $distributed := include "loadtest.distributed" . }}
- {{ include "loadtest.searches" . | empty | ternary ($distributed | empty | ternary "run" "master") "search" }}
- --file=/loadtest/test.yaml
- --run-id={{ $distributed | empty | ternary (include "loadtest.folder" .) (include "loadtest.runID" .) }}
{{- if $distributed }}
- --expect-workers={{ .Values.workers.replicas }}
- --expect-workers-max-wait={{ .Values.workers.maxWait }}
- --master-bind-host=0.0.0.0
- --master-bind-port=5557
{{- else }}
- --workers={{ .Values.workers.replicas }}
{{- end }}
- --host=0.0.0.0
- --port=8080
- --endpoint-max-wait={{ .Values.endpoint.maxWait }}
{{- if eq .Values.mode "Interactive" }}
- --out=/results
- --web
- --web-host=0.0.0.0
- --web-port={{ .Values.web.port }}
{{- else }}
- --out=/results/{{ include "loadtest.folder" . }}
{{- with .Values.results.s3.url }}
- --results-s3={{ trimSuffix "/" . }}/{{ include "loadtest.folder" $ }}/
{{- end }}
{{- if .Values.results.configMap.enabled }}
- --results-configmap={{ include "loadtest.resultName" . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "loadtest.workerArgs" -}}
- worker
- --master-url=http://{{ include "loadtest.masterName" . }}:8080
- --run-id={{ include "loadtest.runID" . }}
- --master-max-wait={{ .Values.workers.maxWait }}
- --host=0.0.0.0
- --port=8080
{{- end }}

{{- define "loadtest.testFile" -}}
{{- $endpoint := .Values.endpoint.resource | empty | ternary (dict "name" .Values.endpoint.name "region" .Values.endpoint.region) (dict "resource" .Values.endpoint.resource) }}
{{- $named := dict "name" .Release.Name "endpoint" $endpoint "workers" (int .Values.workers.replicas) }}
{{- toYaml (merge (include "loadtest.test" . | fromYaml) $named) }}
{{- end }}
