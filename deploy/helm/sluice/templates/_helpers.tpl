{{- define "sluice.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "sluice.config" -}}
{{- $storage := ternary (dict "storage" (dict "path" "/var/lib/sluice")) dict .Values.persistence.enabled -}}
{{- mergeOverwrite (deepCopy .Values.config) $storage | toYaml -}}
{{- end }}

{{- define "sluice.sharesScans" -}}
{{- if dig "engine" "nats" "servers" list .Values.config -}}true{{- end -}}
{{- end }}

{{- define "sluice.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not (include "sluice.sharesScans" .)) -}}
{{- fail "replicas: several gateways need config.engine.nats.servers; else each has scans of its own" -}}
{{- end -}}
{{- if and .Values.persistence.enabled (include "sluice.sharesScans" .) -}}
{{- fail "persistence.enabled: set it to false with config.engine.nats.servers, where history is in NATS" -}}
{{- end -}}
{{- end }}

{{- /* The files of the connection to NATS that the configuration names, a line each. */ -}}
{{- define "sluice.natsFiles" -}}
{{- $nats := dig "engine" "nats" dict .Values.config -}}
{{- $tls := dig "tls" dict $nats -}}
{{- range list $nats.credentials $nats.password_file $tls.ca $tls.certificate $tls.private_key -}}
{{- with . }}{{ . }}
{{ end -}}
{{- end -}}
{{- end }}
