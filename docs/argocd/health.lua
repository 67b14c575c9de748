-- Health of a ScaledService for Argo CD: resource.customizations.health.headroom.dev_ScaledService in argocd-cm.
-- What needs somebody is Degraded, what somebody paused is Suspended.
local health = { status = "Progressing", message = "the controller has not looked at it yet" }

if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= nil and obj.status.observedGeneration < obj.metadata.generation then
  health.message = "the controller has not seen the last change yet"
  return health
end

local found = {}
for _, condition in ipairs(obj.status.conditions) do
  found[condition.type] = condition
end

local function is(type, status)
  return found[type] ~= nil and found[type].status == status
end

if is("Stalled", "True") then
  return { status = "Degraded", message = found["Stalled"].message }
end
if is("Ready", "False") then
  return { status = "Degraded", message = found["Ready"].reason .. ": " .. found["Ready"].message }
end
if is("Paused", "True") then
  return { status = "Suspended", message = found["Paused"].message }
end
if is("Ready", "True") then
  return { status = "Healthy", message = found["Ready"].message }
end
if found["Ready"] ~= nil then
  health.message = found["Ready"].message
end
return health
