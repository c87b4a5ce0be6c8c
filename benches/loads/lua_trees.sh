#!/bin/sh
# needs: lua5.4
# Lua: binary trees, built and dropped, beside one that stays. Nothing but small tables.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.lua <<'EOF'
local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end
local function count(t) return t[1] and 1 + count(t[1]) + count(t[2]) or 1 end

local deepest, total = 13, 0
local long = tree(deepest)
for depth = 4, deepest, 4 do
  for _ = 1, 1 << (deepest - depth + 4) do total = total + count(tree(depth)) end
end
total = total + count(long)
print(total)
os.exit(not arg[1] or arg[1] == tostring(total), true)
EOF
}

program() { exec lua5.4 load.lua $expected; }

load lua5.4
