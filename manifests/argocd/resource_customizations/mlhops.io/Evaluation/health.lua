local told = obj.status or {}
local health = {
  Successful = "Healthy",
  Failed = "Degraded",
  Error = "Degraded",
  Inconclusive = "Suspended",
}
return {status = health[told.phase] or "Progressing", message = told.message or ""}
