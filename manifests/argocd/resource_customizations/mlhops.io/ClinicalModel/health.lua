local told = obj.status
if told == nil or told.conditions == nil or told.phase == nil then
  return {status = "Progressing", message = "waiting for the operator to see it"}
end
if told.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "waiting for the operator to see the latest change"}
end
local ready = false
for _, condition in ipairs(told.conditions) do
  if condition.type == "Ready" then
    ready = condition.status == "True" and condition.observedGeneration == obj.metadata.generation
  end
end
local message = told.message or ""
if told.phase == "Degraded" then
  return {status = "Degraded", message = message}
end
if told.phase == "Paused" then
  return {status = "Suspended", message = message}
end
if told.phase == "Healthy" and ready then
  return {status = "Healthy", message = message}
end
return {status = "Progressing", message = message}
