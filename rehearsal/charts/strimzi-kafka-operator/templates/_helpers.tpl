{{- define "strimzi.labels" -}}
app: strimzi
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name }}
heritage: {{ .Release.Service }}
{{- end }}

{{/* The reference of an image: a dict of the root and the image's values. */}}
{{- define "strimzi.image" -}}
{{- $values := .root.Values -}}
{{- $registry := default $values.defaultImageRegistry .image.registry -}}
{{- $repository := default $values.defaultImageRepository .image.repository -}}
{{- printf "%s/%s/%s:%s" $registry $repository .image.name (default $values.defaultImageTag .image.tag) -}}
{{- end }}

{{/* The reference of Kafka's image of one version. */}}
{{- define "strimzi.kafkaImage" -}}
{{- $values := .root.Values -}}
{{- $image := $values.kafka.image -}}
{{- $tag := printf "%s-kafka-%s" (default $values.defaultImageTag $image.tagPrefix) .version -}}
{{- include "strimzi.image" (dict "root" .root "image" (merge (dict "tag" $tag) $image)) -}}
{{- end }}

{{/* The namespaces to watch, the release's own among them. */}}
{{- define "strimzi.namespaces" -}}
{{- append .Values.watchNamespaces .Release.Namespace | uniq | sortAlpha | join "," -}}
{{- end }}
