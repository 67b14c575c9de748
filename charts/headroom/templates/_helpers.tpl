{{/* Names, labels and images, each in one place. */}}

{{- define "headroom.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "headroom.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "headroom.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Objects that exist once in a cluster: two releases of one name in two namespaces must not share them. */}}
{{- define "headroom.clusterName" -}}
{{- $name := include "headroom.fullname" . -}}
{{- if eq $name .Release.Namespace -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Namespace $name -}}
{{- end -}}
{{- end -}}

{{- define "headroom.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "headroom.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "headroom.selectorLabels" -}}
app.kubernetes.io/name: {{ include "headroom.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "headroom.labels" -}}
{{ include "headroom.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes (dict "image" ... "chart" .Chart). */}}
{{- define "headroom.image" -}}
{{- $name := .image.repository -}}
{{- with .image.registry -}}
{{- $name = printf "%s/%s" . $name -}}
{{- end -}}
{{- $name = printf "%s:%s" $name (default .chart.AppVersion .image.tag) -}}
{{- with .image.digest -}}
{{- $name = printf "%s@%s" $name . -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "headroom.subjects" -}}
- kind: ServiceAccount
  name: {{ include "headroom.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
