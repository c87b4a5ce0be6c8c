// A string_view is read after its string is gone.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: silent
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

#include <string>
#include <string_view>

int main() {
    std::string_view view;
    {
        std::string text(80, 'x');
        view = text;
    }
    opaque(opaque(view.data())[40]);
    return survived();
}
