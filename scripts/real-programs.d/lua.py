"""lua: tables, strings and closures, all of them by realloc"""

NEEDS = {"lua5.4": "lua5.4"}

SCRIPT = """
local state = 1
local function chance(n) state = (state * 1103515245 + 12345) % 2147483648; return state % n end

local function tree(depth)
  if depth == 0 then return { name = "leaf " .. chance(1000) } end
  return { left = tree(depth - 1), right = tree(depth - 1), depth = depth }
end
local function sum(t)
  if t.name then return #t.name end
  return t.depth + sum(t.left) + sum(t.right)
end

for round = 1, tonumber(arg[1]) do
  print(round, sum(tree(17)))
  local words, order = {}, {}
  for i = 1, 200000 do
    local word = string.char(97 + chance(26), 97 + chance(26), 97 + chance(26))
    if not words[word] then words[word] = {}; order[#order + 1] = word end
    table.insert(words[word], i)
  end
  table.sort(order, function(a, b) return #words[a] > #words[b] or #words[a] == #words[b] and a < b end)
  print(#order, table.concat(order, " ", 1, 10))
  local parts = {}
  for i = 1, 100000 do parts[i] = string.rep("x", chance(60)) .. i end
  local text = table.concat(parts)
  print(#text, select(2, text:gsub("x(%d)", "%1y")))
  local threads = {}
  for i = 1, 5000 do threads[i] = coroutine.wrap(function() local t = {} for k = 1, 20 do t[k] = k * i; coroutine.yield(#t) end end) end
  local yielded = 0
  for _ = 1, 10 do for i = 1, #threads do yielded = yielded + threads[i]() end end
  print(yielded)
end
"""


def load(run):
    run.write("load.lua", SCRIPT)
    # Lua allocates by realloc alone; the few calls of malloc are the C library's.
    run.call(["lua5.4", "load.lua", 4 * run.scale], calls=0)
