// `clipembed serve-engine`: one loaded model for every process of this user.
#pragma once

namespace clipembed {

// argv[0] is the name of the command. Returns an ExitStatus.
int serve_engine_command(int argc, char** argv);

}  // namespace clipembed
