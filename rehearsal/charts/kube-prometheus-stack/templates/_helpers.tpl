{{- define "kube-prometheus-stack.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "kube-prometheus-stack.fullname" -}}
{{- default (printf "%s-%s" .Release.Name .Chart.Name) .Values.fullnameOverride | trunc 26 | trimSuffix "-" -}}
{{- end }}

{{/* The name of a custom resource: a dict of the root and the resource's suffix. */}}
{{- define "kube-prometheus-stack.crname" -}}
{{- $full := include "kube-prometheus-stack.fullname" .root -}}
{{- .root.Values.cleanPrometheusOperatorObjectNames | ternary $full (printf "%s-%s" $full .suffix) -}}
{{- end }}

{{- define "kube-prometheus-stack.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.Version | quote }}
app.kubernetes.io/part-of: {{ include "kube-prometheus-stack.name" . }}
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name | quote }}
heritage: {{ .Release.Service | quote }}
{{- end }}

{{/* The reference of an image: a dict of the image's values and of the tag that it has by default. */}}
{{- define "kube-prometheus-stack.image" -}}
{{- printf "%s/%s:%s" .image.registry .image.repository (default .tag .image.tag) -}}
{{- end }}

{{/* Pods rather on nodes of their own: a dict of the app's name and of the custom resource's. */}}
{{- define "kube-prometheus-stack.antiAffinity" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchExpressions:
            - {key: app.kubernetes.io/name, operator: In, values: [{{ .app }}]}
            - {key: {{ .app }}, operator: In, values: [{{ .crname }}]}
{{- end }}
