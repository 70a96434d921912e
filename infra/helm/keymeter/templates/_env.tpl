{{/* The settings of a process: `root` and `app`. What is a secret comes by reference. */}}
{{- define "keymeter.env" -}}
{{- $values := .root.Values -}}
- name: KEYMETER_NODE_ID
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- { name: KEYMETER_STORES, value: cluster }
- { name: KEYMETER_HOST, value: "0.0.0.0" }
- { name: KEYMETER_PORT, value: "8080" }
- { name: KEYMETER_DATA_DIR, value: /data }
- { name: KEYMETER_SHUTDOWN_MS, value: {{ mul $values.shutdownSeconds 1000 | quote }} }
{{- if ne .app "consumer" }}
- name: KEYMETER_ROOT_KEY
  valueFrom: { secretKeyRef: { name: {{ $values.rootKey.existingSecret }}, key: {{ $values.rootKey.key }} } }
{{- end }}
{{- if and (eq .app "policy") $values.webhooks.existingSecret }}
- name: KEYMETER_WEBHOOK_SECRET_KEY
  valueFrom: { secretKeyRef: { name: {{ $values.webhooks.existingSecret }}, key: {{ $values.webhooks.secretKey }} } }
{{- end }}
{{- with (index $values .app).storage }}
# Three quarters of the volume, in bytes: {{ .size }} · 2^30 · 3 / 4.
- { name: KEYMETER_SPOOL_MAX_BYTES, value: {{ mul (trimSuffix "Gi" .size) 805306368 | quote }} }
{{- end }}
{{ include "keymeter.kafkaEnv" $values.kafka }}
{{ include "keymeter.redisEnv" $values.redis }}
{{ include "keymeter.clickhouseEnv" $values.clickhouse }}
{{- range $name, $value := $values.settings }}
- { name: {{ $name }}, value: {{ if kindIs "float64" $value }}{{ int64 $value | quote }}{{ else }}{{ $value | quote }}{{ end }} }
{{- end }}
{{- end }}

{{- define "keymeter.kafkaEnv" -}}
- { name: KEYMETER_KAFKA_BROKERS, value: {{ join "," .brokers | quote }} }
- { name: KEYMETER_KAFKA_PARTITIONS, value: {{ int .partitions | quote }} }
- { name: KEYMETER_KAFKA_REPLICATION, value: {{ int .replication | quote }} }
{{- if ne .sasl.mechanism "none" }}
- { name: KEYMETER_KAFKA_MECHANISM, value: {{ .sasl.mechanism }} }
- { name: KEYMETER_KAFKA_USER, value: {{ .sasl.user | quote }} }
- name: KEYMETER_KAFKA_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .sasl.existingSecret }}, key: {{ .sasl.passwordKey }} } }
{{- end }}
{{- include "keymeter.tlsEnv" (dict "server" "kafka" "tls" .tls) }}
{{- end }}

{{- define "keymeter.redisEnv" -}}
- { name: KEYMETER_REDIS_MODE, value: {{ .mode }} }
- { name: KEYMETER_REDIS_NODES, value: {{ join "," .nodes | quote }} }
{{- if eq .mode "sentinel" }}
- { name: KEYMETER_REDIS_MASTER, value: {{ .master | quote }} }
{{- end }}
{{- with .user }}
- { name: KEYMETER_REDIS_USER, value: {{ . | quote }} }
{{- end }}
{{- if .existingSecret }}
- name: KEYMETER_REDIS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .existingSecret }}, key: {{ .passwordKey }} } }
{{- end }}
{{- include "keymeter.tlsEnv" (dict "server" "redis" "tls" .tls) }}
{{- end }}

{{- define "keymeter.clickhouseEnv" -}}
- { name: KEYMETER_CLICKHOUSE_URL, value: {{ .url | quote }} }
- { name: KEYMETER_CLICKHOUSE_USER, value: {{ .user | quote }} }
{{- if .existingSecret }}
- name: KEYMETER_CLICKHOUSE_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .existingSecret }}, key: {{ .passwordKey }} } }
{{- end }}
{{- with .cluster }}
- { name: KEYMETER_CLICKHOUSE_CLUSTER, value: {{ . | quote }} }
{{- end }}
{{- with .tls.caKey }}
- { name: KEYMETER_CLICKHOUSE_TLS_CA_FILE, value: /etc/keymeter/tls/clickhouse/{{ . }} }
{{- end }}
{{- end }}

{{- define "keymeter.tlsEnv" -}}
{{- if .tls.enabled }}
{{- $prefix := printf "KEYMETER_%s_TLS" (upper .server) }}
- { name: {{ $prefix }}, value: "on" }
{{- range $kind, $file := dict "CA" .tls.caKey "CERT" .tls.certKey "KEY" .tls.keyKey }}
{{- if $file }}
- { name: {{ $prefix }}_{{ $kind }}_FILE, value: /etc/keymeter/tls/{{ $.server }}/{{ $file }} }
{{- end }}
{{- end }}
{{- end }}
{{- end }}
