local rollout = obj.spec.rollout or {}
local paused = rollout.paused == true
return {
  ["pause"] = {["disabled"] = paused},
  ["resume"] = {["disabled"] = not paused},
}
