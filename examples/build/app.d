/* The probes of app. The build makes app.h from this file with dtrace -h. */
#include "limits.inc"

provider app {
	probe request__start(int id, char *url);
	probe request__done(int id, int status, int64_t ns);
};

#pragma D attributes Evolving/Evolving/Common provider app provider
#pragma D attributes Private/Private/Unknown provider app module
#pragma D attributes Private/Private/Unknown provider app function
#pragma D attributes Evolving/Evolving/Common provider app name
#pragma D attributes Evolving/Evolving/Common provider app args
