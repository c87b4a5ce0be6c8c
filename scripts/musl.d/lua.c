// A Lua interpreter: runs the program argv[1] with the argument argv[2].
#include <stdio.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

int main(int argc, char **argv) {
    lua_State *lua = luaL_newstate();
    if (argc != 3 || !lua)
        return 1;
    luaL_openlibs(lua);
    lua_newtable(lua);
    lua_pushstring(lua, argv[2]);
    lua_rawseti(lua, -2, 1);
    lua_setglobal(lua, "arg");
    if (luaL_dofile(lua, argv[1])) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        return 1;
    }
    lua_close(lua);
    return 0;
}
