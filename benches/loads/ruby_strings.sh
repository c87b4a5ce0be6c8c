#!/bin/sh
# needs: ruby
# Ruby: strings, arrays and hashes under its garbage collector, which takes slots by the page and contents by malloc.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.rb <<'EOF'
require 'zlib'

random = Random.new(1)
total = 0
2.times do
  rows = Array.new(40_000) { |n| { id: n, name: 'n' * random.rand(120), list: Array.new(random.rand(8)) { |i| "e#{i * n}" } } }
  groups = rows.group_by { |row| row[:name].size % 17 }
  rows.each { |row| row[:name] << row[:list].join(',') if row[:id].odd? }
  sorted = rows.sort_by { |row| [row[:name], row[:id]] }
  text = sorted.map { |row| row[:name] }.join(' ')
  words = text.split(/[ ,]/).tally.sort_by { |word, count| [-count, word] }
  total = Zlib.crc32("#{groups.size} #{words.first(50)} #{text.gsub(/e(\d)/, '\1E')}", total)
end
puts total
exit(ARGV.empty? || ARGV[0] == total.to_s)
EOF
}

program() { exec ruby --disable-gems load.rb $expected; }

load ruby
