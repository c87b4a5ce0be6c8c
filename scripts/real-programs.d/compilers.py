"""gcc and g++: -O2 of generated C and C++, and a parallel link-time optimisation; equal objects, and a run"""

NEEDS = {"gcc": "gcc", "g++": "g++"}

C_FUNCTION = """
static int table_{n}[] = {{ {numbers} }};
struct node_{n} {{ struct node_{n} *next; int key; double weight; char name[{n} % 40 + 1]; }};
int work_{n}(struct node_{n} *list, int a, int b)
{{
    int sum = a ^ {n};
    for (struct node_{n} *p = list; p; p = p->next) {{
        switch ((p->key + b) % 7) {{
        case 0: sum += table_{n}[p->key & 15] * b; break;
        case 1: sum -= (int)(p->weight * {n}.5); break;
        case 2: for (int i = 0; i < 16; i++) sum ^= table_{n}[i] << (i & 3); break;
        case 3: sum += p->name[0] * {previous}; break;
        case 4: sum = sum * 31 + work_{previous}(0, b, sum & 15); break;
        default: sum = (sum >> 1) | (sum << 31);
        }}
    }}
    return b ? sum : work_{previous}(0, sum, 0) + a;
}}
"""

CPP = """
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct Shape {
    std::map<std::string, std::vector<std::variant<int, double, std::string>>> parts;
    std::unique_ptr<Shape<N - 1>> inner = std::make_unique<Shape<N - 1>>();
    std::size_t grow(int by) {
        for (int i = 0; i < by; i++) parts["part " + std::to_string(i % N)].push_back(std::to_string(i * N));
        return std::accumulate(parts.begin(), parts.end(), inner->grow(by),
                               [](std::size_t sum, auto const &part) { return sum + part.second.size(); });
    }
};
template <> struct Shape<0> { std::size_t grow(int by) { return by; } };

int main() {
    Shape<40> shape;
    std::unordered_map<std::string, std::function<int(int)>> table;
    for (int i = 0; i < 100; i++) table[std::to_string(i)] = [i](int x) { return x * i; };
    std::regex number("([0-9]+)(,([a-z]+))?");
    std::istringstream words("12,abc 7 99,x nine 100,zz");
    int sum = 0;
    for (std::string word; words >> word;) {
        std::smatch match;
        if (std::regex_match(word, match, number)) sum += table[std::to_string(std::stoi(match[1]) % 100)](3);
    }
    std::cout << shape.grow(50) << ' ' << sum << '\\n';
}
"""


def c_source(functions):
    parts = ["int work_0(void *list, int a, int b) { return a + b; }"]
    for n in range(1, functions):
        numbers = ", ".join(str(n * k * 2654435761 % 100_003) for k in range(16))
        parts.append(C_FUNCTION.format(n=n, previous=n - 1, numbers=numbers))
    return "\n".join(parts)


def load(run):
    run.write("big.c", c_source(120 * run.scale))
    run.write("shape.cpp", CPP)
    run.write("main.c", "int work_99(void *, int, int);\nint main(void) { return work_99(0, 1, 0) == 42; }\n")
    seed = "-frandom-seed=1"
    # The driver, the compiler proper and the assembler, and for the last one the linker and its helpers.
    run.call(["gcc", "-O2", seed, "-c", "big.c", "-o", "big.o"], served=3)
    run.call(["g++", "-O2", "-g", seed, "-c", "shape.cpp", "-o", "shape.o"], served=3)
    run.call(["g++", "shape.o", "-o", "shape"], served=2)
    run.call(["gcc", "-O2", "-flto=2", seed, "big.c", "main.c", "-o", "lto"], served=5)
    run.keep("big.o", "shape.o", "shape", "lto")
    run.call(["./shape"])
