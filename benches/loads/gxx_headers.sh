#!/bin/sh
# needs: g++
# G++: the compiler proper on the headers of the whole standard library and some use of them.
. "${0%/*}/load.inc"

inputs()
{
    echo "$(g++ -print-prog-name=cc1plus) $(g++ -print-multiarch)" > compiler
    cat > load.cpp <<'EOF'
#include <bits/stdc++.h>

template <int N> struct Table {
    std::map<std::string, std::vector<std::array<int, N>>> rows;
    std::unordered_map<int, std::function<int(int)>> calls;
    std::size_t fill(int n)
    {
        for (int i = 0; i < n; i++) {
            rows[std::to_string(i)].push_back({i});
            calls.emplace(i, [i](int x) { return x + i * N; });
        }
        return std::accumulate(rows.begin(), rows.end(), std::size_t{0}, [](auto sum, auto &row) { return sum + row.second.size(); });
    }
    bool find(const std::string &text) { return std::regex_search(text, std::regex("a+b{" + std::to_string(N) + "}")); }
};

template <int... N> std::size_t all(std::integer_sequence<int, N...>) { return (Table<N + 1>{}.fill(N) + ...); }
std::size_t use() { return all(std::make_integer_sequence<int, 2>{}) + Table<9>{}.find("aabb"); }
EOF
}

program()
{
    read -r compiler multiarch < compiler
    exec "$compiler" -quiet -std=c++17 -O0 -D_GNU_SOURCE -imultiarch "$multiarch" load.cpp -o -
}

load g++
