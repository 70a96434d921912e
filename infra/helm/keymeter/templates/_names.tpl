{{/* Short: a pod's name is its KEYMETER_NODE_ID, which has at most 64 characters. */}}
{{- define "keymeter.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-keymeter" .Release.Name) (contains "keymeter" .Release.Name) -}}
{{- $name | trunc 36 | trimSuffix "-" -}}
{{- end }}

{{/* What selects the pods of one app; never changes between versions. */}}
{{- define "keymeter.selector" -}}
app.kubernetes.io/name: keymeter
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .app }}
{{- end }}

{{- define "keymeter.labels" -}}
{{ include "keymeter.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "keymeter.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Contradictions between values that a JSON schema cannot express, one sentence each. */}}
{{- define "keymeter.contradictions" -}}
{{- $partitions := int .Values.kafka.partitions -}}
{{- $ingress := .Values.ingress.autoscaling -}}
{{- $consumer := .Values.consumer.autoscaling -}}
{{- if gt (int .Values.consumer.replicas) $partitions -}}
{{- fail (printf "consumer.replicas: more than kafka.partitions (%d); the others would have nothing to count." $partitions) -}}
{{- end -}}
{{- if gt (int .Values.policy.replicas) $partitions -}}
{{- fail (printf "policy.replicas: more than kafka.partitions (%d); the others would have nothing to decide." $partitions) -}}
{{- end -}}
{{- if and $consumer.enabled (gt (int $consumer.maxReplicas) $partitions) -}}
{{- fail (printf "consumer.autoscaling.maxReplicas: more than kafka.partitions (%d); the others would have nothing to count." $partitions) -}}
{{- end -}}
{{- if gt (int $ingress.minReplicas) (int $ingress.maxReplicas) -}}
{{- fail "ingress.autoscaling.minReplicas: more than maxReplicas." -}}
{{- end -}}
{{- if gt (int $consumer.minReplicas) (int $consumer.maxReplicas) -}}
{{- fail "consumer.autoscaling.minReplicas: more than maxReplicas." -}}
{{- end -}}
{{- if and .Values.image.tag .Values.image.digest -}}
{{- fail "image.tag: is set beside image.digest; give one of them." -}}
{{- end -}}
{{- end }}
