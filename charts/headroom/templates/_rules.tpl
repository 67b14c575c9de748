{{/* What the controller may do to the objects it works on: each verb is one that it uses, and no other. */}}
{{- define "headroom.rules" -}}
# Services to size, and what was learned about them.
- apiGroups: [headroom.dev]
  resources: [scaledservices]
  verbs: [list, watch]
- apiGroups: [headroom.dev]
  resources: [scaledservices/status]
  verbs: [patch]
- apiGroups: [headroom.dev]
  resources: [scaledservicecheckpoints]
  verbs: [get, create, patch]
# Evidence: which pods there are, and since when they are ready.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# An owner of the same target is refused by its name.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Targets: the object to see who else writes its size, /scale to write it.
{{- range .Values.scalableKinds }}
- apiGroups: [{{ .group | quote }}]
  resources: [{{ .plural }}]
  verbs: [get]
- apiGroups: [{{ .group | quote }}]
  resources: [{{ .plural }}/scale]
  verbs: [get, patch]
{{- end }}
{{- if .Values.workload.enabled }}
# The bundled server.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, create, patch]
{{- if not (has (dict "group" "apps" "plural" "deployments") .Values.scalableKinds) }}
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [get, patch]
{{- end }}
- apiGroups: [""]
  resources: [services]
  verbs: [get, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, create, patch]
{{- end }}
{{- end -}}
