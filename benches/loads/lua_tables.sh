#!/bin/sh
# needs: lua5.4
# Lua: tables, strings and coroutines. Lua allocates by realloc alone and says the old size when it frees.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.lua <<'EOF'
local state = 1
local function chance(n) state = (state * 16807) % 2147483647; return state % n end

local function tree(depth)
  if depth == 0 then return { name = "leaf " .. chance(1000) } end
  return { left = tree(depth - 1), right = tree(depth - 1), depth = depth }
end
local function sum(t)
  if t.name then return #t.name end
  return t.depth + sum(t.left) + sum(t.right)
end

local total = 0
for round = 1, 6 do
  total = total + sum(tree(15))
  local words, order = {}, {}
  for i = 1, 80000 do
    local word = string.char(97 + chance(26), 97 + chance(26), 97 + chance(26))
    if not words[word] then words[word] = {}; order[#order + 1] = word end
    table.insert(words[word], i)
  end
  table.sort(order, function(a, b) return #words[a] > #words[b] or #words[a] == #words[b] and a < b end)
  local parts = {}
  for i = 1, 60000 do parts[i] = string.rep("x", chance(60)) .. i end
  total = total + #order + #table.concat(parts) + select(2, table.concat(parts):gsub("x(%d)", "%1y"))
  local threads = {}
  for i = 1, 4000 do threads[i] = coroutine.wrap(function() local t = {} for k = 1, 20 do t[k] = k * i; coroutine.yield(#t) end end) end
  for _ = 1, 10 do for i = 1, #threads do total = total + threads[i]() end end
end
print(total)
os.exit(not arg[1] or arg[1] == tostring(total), true)
EOF
}

program() { exec lua5.4 load.lua $expected; }

load lua5.4
