/* The program: finds the command, parses what follows it, and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/terminal.h"

static void print_usage(FILE *stream) {
  fprintf(stream,
          "topwork %s: a folder of labelled pictures in, a tested classifier out\n\n"
          "  topwork train birds/ -o birds.onnx       train, test, write the model and birds.report/\n"
          "  topwork predict birds.onnx photo.jpg     use it\n\nCommands:\n",
          tw_version());
  for (size_t i = 0; i < tw_cli_command_count; i++) {
    fprintf(stream, "  %-10s %s\n", tw_cli_commands[i].name, tw_cli_commands[i].summary);
  }
  fprintf(stream, "\n'topwork COMMAND --help' shows a command's options.\n");
}

static const command *find_command(const char *name) {
  for (size_t i = 0; i < tw_cli_command_count; i++) {
    if (strcmp(tw_cli_commands[i].name, name) == 0) {
      return &tw_cli_commands[i];
    }
  }
  return NULL;
}

static int unknown_command(const char *name) {
  char words[512] = "";
  char nearest[64];
  for (size_t i = 0, used = 0; i < tw_cli_command_count && used < sizeof words; i++) {
    used += (size_t)snprintf(words + used, sizeof words - used, "%s ", tw_cli_commands[i].name);
  }
  tw_cli_nearest(name, words, nearest, sizeof nearest);
  fprintf(stderr, "topwork: there is no command '%s'", name);
  fprintf(stderr, nearest[0] != '\0' ? "; did you mean '%s'?\n" : "; 'topwork --help' lists them\n", nearest);
  return MISUSED;
}

int main(int argument_count, char **arguments) {
  const char *name = argument_count > 1 ? arguments[1] : NULL;
  if (name == NULL) {
    print_usage(stderr);
    return MISUSED;
  }
  tw_terminal_open();
  int status = DONE;
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
    print_usage(stdout);
  } else if (strcmp(name, "--version") == 0) {
    printf("topwork %s\n", tw_version());
  } else {
    const command *command = find_command(name);
    settings settings;
    if (command == NULL) {
      return unknown_command(name);
    }
    if (!tw_cli_parse(command, argument_count - 2, arguments + 2, &settings)) {
      return MISUSED;
    }
    if (settings.help) {
      tw_cli_help(command);
    } else {
      status = command->run(&settings);
    }
    free(settings.operands);
  }
  return tw_terminal_close() ? status : FAILED;
}
