// `clipembed embed FILE...`: command line -> model -> EmbedRun -> Output, and an exit status.
#pragma once

namespace clipembed {

// argv[0] is the name of the command. Returns an ExitStatus.
int embed_command(int argc, char** argv);

}  // namespace clipembed
