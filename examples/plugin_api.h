/* What a plug-in of plugin_host.c has to have: it knows nothing of metes, and calls malloc and free. */
#ifndef PLUGIN_API_H
#define PLUGIN_API_H

/* Returns a text of malloc's, or NULL if the plug-in failed. */
char *plugin_run(const char *input);

#endif
