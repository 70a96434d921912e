{{/* The pod of one app: `root` and `app`. */}}
{{- define "keymeter.pod" -}}
{{- $values := .root.Values -}}
{{- $own := index $values .app -}}
metadata:
  labels: {{- include "keymeter.labels" . | nindent 4 }}
  {{- with $own.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  # Else a service called keymeter puts KEYMETER_PORT=tcp://… into every pod of its namespace.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add $values.preStopSeconds $values.shutdownSeconds 10 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $own.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "keymeter.selector" $ | nindent 10 }}
    {{- end }}
  containers:
    - name: {{ .app }}
      image: {{ include "keymeter.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [dist/run/{{ .app }}.js]
      env: {{- include "keymeter.env" . | nindent 8 }}
      ports:
        - { name: http, containerPort: 8080 }
      {{- include "keymeter.probes" . | nindent 6 }}
      lifecycle:
        preStop: { exec: { command: [sleep, {{ $values.preStopSeconds | quote }}] } }
      resources: {{- toYaml $own.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: data, mountPath: /data }
        - { name: tmp, mountPath: /tmp }
        {{- range $server := fromJsonArray (include "keymeter.tlsServers" $values) }}
        - { name: tls-{{ $server }}, mountPath: /etc/keymeter/tls/{{ $server }}, readOnly: true }
        {{- end }}
  volumes:
    - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
    {{- if not $own.storage }}
    - { name: data, emptyDir: { sizeLimit: 64Mi } }
    {{- end }}
    {{- range $server := fromJsonArray (include "keymeter.tlsServers" $values) }}
    - name: tls-{{ $server }}
      secret: { secretName: {{ (index $values $server).tls.existingSecret }}, defaultMode: 288 } # 0440
    {{- end }}
{{- end }}

{{/*
A process listens only after it has found Kafka, Redis and ClickHouse, and `live` says that it answers. `ready` also says
whether each of these works at this moment: to leave an ingress out for that would turn all of them away together, while
each could still answer from its memory and its spool. So only a consumer, to which nobody is sent, is asked that.
*/}}
{{- define "keymeter.probes" -}}
startupProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: {{ ternary "/health/ready" "/health/live" (eq .app "consumer") }}, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
{{- end }}

{{/* The servers whose certificates come from a secret. */}}
{{- define "keymeter.tlsServers" -}}
{{- $servers := list -}}
{{- if and .kafka.tls.enabled .kafka.tls.existingSecret }}{{ $servers = append $servers "kafka" }}{{ end -}}
{{- if and .redis.tls.enabled .redis.tls.existingSecret }}{{ $servers = append $servers "redis" }}{{ end -}}
{{- if .clickhouse.tls.existingSecret }}{{ $servers = append $servers "clickhouse" }}{{ end -}}
{{- toJson $servers -}}
{{- end }}
