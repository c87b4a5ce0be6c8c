"""ruby: strings, hashes, arrays and threads under its garbage collector"""

NEEDS = {"ruby": "ruby"}

SCRIPT = """
# Not 'digest' alone: it loads SHA256 when it is first named, and threads that name it at once trip over each other.
require 'digest/sha2'
require 'json'

random = Random.new(1)
ARGV[0].to_i.times do |round|
  rows = Array.new(60_000) { |n| { 'id' => n, 'name' => 'n' * random.rand(120), 'list' => Array.new(random.rand(8)) { |i| "e#{i * n}" } } }
  groups = rows.group_by { |row| row['name'].size % 17 }
  threads = groups.keys.sort.map { |key| Thread.new { [key, Digest::SHA256.hexdigest(JSON.generate(groups[key]))] } }
  puts threads.map { |thread| thread.value.join(' ') }
  rows.each { |row| row['name'] << row['list'].join(',') if row['id'].odd? }
  sorted = rows.sort_by { |row| [row['name'], row['id']] }
  rows = groups = nil
  GC.start
  GC.compact if GC.respond_to?(:compact)
  puts Digest::SHA256.hexdigest(JSON.generate(JSON.parse(JSON.generate(sorted))))
  text = sorted.map { |row| row['name'] }.join(' ')
  puts text.scan(/e\\d+/).tally.sort_by { |word, count| [-count, word] }.first(5).inspect
end
"""


def load(run):
    run.write("load.rb", SCRIPT)
    run.call(["ruby", "load.rb", 2 * run.scale], calls=100_000)
