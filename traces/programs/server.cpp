// Threads that serve jobs: each splits a text, and keeps words in maps that all share.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
struct Job { int id; std::string text; };
std::mutex lock; std::condition_variable come; std::deque<Job *> jobs; bool over;
std::map<std::string, std::string> store[8]; std::mutex locks[8];
void serve() {
    for (;;) {
        Job *job;
        { std::unique_lock<std::mutex> held(lock); come.wait(held, [] { return over || !jobs.empty(); });
          if (jobs.empty()) return; job = jobs.front(); jobs.pop_front(); }
        std::vector<std::string> words; std::string word;
        for (char c : job->text) { if (c == ' ') { words.push_back(word); word.clear(); } else word += c; }
        for (auto &w : words) { int i = w.size() % 8; std::lock_guard<std::mutex> held(locks[i]);
            if (job->id % 3) store[i][w + std::to_string(job->id % 500)] = job->text; else store[i].erase(w + std::to_string(job->id % 500)); }
        delete job;
    }
}
int main(int n, char **a) {
    int many = n > 1 ? atoi(a[1]) : 20000; std::vector<std::thread> threads;
    for (int i = 0; i < 6; i++) threads.emplace_back(serve);
    for (int i = 0; i < many; i++) { auto job = new Job{i, ""}; for (int k = 0; k < 8; k++) job->text += "word" + std::string(k * 5 % 17, 'x') + std::to_string(i * k % 97) + " ";
        std::lock_guard<std::mutex> held(lock); jobs.push_back(job); come.notify_one(); }
    { std::lock_guard<std::mutex> held(lock); over = true; } come.notify_all();
    for (auto &t : threads) t.join();
    size_t all = 0; for (auto &s : store) all += s.size(); printf("%zu\n", all);
}
