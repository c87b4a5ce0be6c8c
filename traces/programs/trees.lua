-- Binary trees, and a table of strings that is sorted.
local function make(d) if d == 0 then return {} end return {make(d - 1), make(d - 1)} end
local function check(t) if t[1] then return 1 + check(t[1]) + check(t[2]) end return 1 end
for _ = 1, 8 do check(make(13)) end
local words = {}
for i = 1, 40000 do words[#words + 1] = ("x"):rep(i * 7 % 50) .. i end
table.sort(words)
print(#words, words[1])
