{{/* The labels of every object. */}}
{{- define "mlhops.labels" -}}
app.kubernetes.io/name: mlhops
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* What the operator's pods are found by. */}}
{{- define "mlhops.operator.selector" -}}
app.kubernetes.io/name: mlhops
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* An image, of (list $ .Values.x.image). */}}
{{- define "mlhops.image" -}}
{{- $top := index . 0 -}}
{{- $image := index . 1 -}}
{{- with $top.Values.registry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $top.Chart.AppVersion }}{{ end -}}
{{- end }}
