// `clipembed model info M` and `clipembed model fetch ID`.
#pragma once

namespace clipembed {

// argv[0] is the name of the command. Returns an ExitStatus.
int model_command(int argc, char** argv);

}  // namespace clipembed
