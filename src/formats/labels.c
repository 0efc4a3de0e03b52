/* labels.txt: a label a line, with or without the number of its output. Not for Inception's two files
 * (labels_imagenet.c).
 *
 * Whether the lines are numbered is a question of the whole file: "2 euro coin" is a label, "2 cat" a number and a
 * label. A file is numbered when its first line has a number and a colon ("0:background"), and then its lines may be in
 * any order; or when every line begins with a number and 0 is among these ("0 cat", "1 dog"). The latter must be in
 * order, so that a list of classes called "0 x", "1 y", "10 z", "2 w" is refused rather than shuffled. */
#include <string.h>

#include "formats/labels_lines.h"

enum { NUMBER_DIGITS = 9 }; /* longer ones are not numbers of outputs */

/* A line that may begin with a number. */
typedef struct numbered {
  bool is; /* a number, then a blank or a colon */
  bool colon;
  size_t index;
  tw_bytes label; /* what follows */
} numbered;

static numbered split_number(tw_bytes line) {
  numbered split = {.label = line};
  size_t at = 0;
  size_t index = 0;
  for (; at < line.size && at <= NUMBER_DIGITS && line.data[at] >= '0' && line.data[at] <= '9'; at++) {
    index = index * 10 + (size_t)(line.data[at] - '0');
  }
  size_t digits = at;
  for (; at < line.size && (tw_label_is_blank(line.data[at]) || (line.data[at] == ':' && !split.colon)); at++) {
    split.colon = split.colon || line.data[at] == ':';
  }
  split.is = digits > 0 && digits <= NUMBER_DIGITS && at > digits;
  if (split.is) {
    split.index = index;
    split.label = (tw_bytes){line.data + at, line.size - at};
  }
  return split;
}

/* What a look at all lines says. */
typedef struct survey {
  size_t count; /* lines */
  bool numbered;
  bool colon; /* it is, by its first line */
  bool zero;  /* 0 is among the numbers */
} survey;

static tw_status look(tw_label_lines lines, survey *ret_survey, tw_error *error) {
  survey survey = {0};
  bool all = true;
  for (tw_bytes line; tw_label_lines_next(&lines, &line); survey.count++) {
    TW_TRY(tw_label_line_check(&lines, line, error));
    if (survey.count == TW_LABELS_MAX_COUNT) {
      return tw_error_set(error, TW_E_LIMIT, "%s: more than %zu labels", lines.path, TW_LABELS_MAX_COUNT);
    }
    numbered split = split_number(line);
    all = all && split.is;
    survey.colon = survey.colon || (survey.count == 0 && split.is && split.colon);
    survey.zero = survey.zero || (split.is && split.index == 0);
  }
  survey.numbered = survey.colon || (all && survey.zero);
  *ret_survey = survey;
  return TW_OK;
}

/* The error of a file with fewer or more labels than wanted; missing: the first output without one, when known. */
static tw_status wrong_count(const char *path, size_t labels, size_t outputs, const size_t *missing, tw_error *error) {
  const char *hint = "";
  if (labels + 1 == outputs && (missing == NULL || *missing == 0)) {
    hint = "; such networks often have an output 'background' before all others, which needs a line of its own";
  } else if (labels == outputs + 1) {
    hint = "; such files often have a label 'background' before all others, for which this network has no output";
  }
  char which[64] = "";
  if (missing != NULL) {
    snprintf(which, sizeof which, "; output %zu is the first without one", *missing);
  }
  return tw_error_set(error, TW_E_FORMAT, "%s: has %zu label%s, but the network has %zu output%s%s%s", path, labels,
                      labels == 1 ? "" : "s", outputs, outputs == 1 ? "" : "s", which, hint);
}

static tw_status wrong_number(const tw_label_lines *lines, size_t index, const survey *survey, size_t count,
                              tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "%s: line %zu has the number %zu, but the network's outputs are 0 to %zu%s",
                      lines->path, lines->number, index, count - 1, survey->zero ? "" : "; numbers begin with 0");
}

/* Where the label of the line that was read last belongs. line_of: of each output's label, 0 where there is none yet.
 */
static tw_status place_numbered(const tw_label_lines *lines, const numbered *split, const survey *survey, size_t count,
                                size_t *line_of, tw_error *error) {
  if (!split->is) {
    return tw_error_set(error, TW_E_FORMAT,
                        "%s: line %zu does not begin with the number of its output, as the first line does",
                        lines->path, lines->number);
  }
  if (split->label.size == 0) {
    return tw_error_set(error, TW_E_FORMAT, "%s: line %zu has a number, but no label", lines->path, lines->number);
  }
  if (!survey->colon && split->index + 1 != lines->number) {
    return tw_error_set(
        error, TW_E_FORMAT,
        "%s: line %zu has the number %zu where %zu would be next; are these the outputs' numbers, or part "
        "of the labels? Begin every line with its output's number and a colon, as in '%zu:label'",
        lines->path, lines->number, split->index, lines->number - 1, lines->number - 1);
  }
  if (split->index >= count) {
    return wrong_number(lines, split->index, survey, count, error);
  }
  if (line_of[split->index] != 0) {
    return tw_error_set(error, TW_E_FORMAT, "%s: lines %zu and %zu both have the number %zu", lines->path,
                        line_of[split->index], lines->number, split->index);
  }
  line_of[split->index] = lines->number;
  return TW_OK;
}

static tw_status fill(tw_label_lines lines, const survey *survey, tw_labels *labels, size_t *line_of, tw_error *error) {
  for (tw_bytes line; tw_label_lines_next(&lines, &line);) {
    numbered split = {.label = line, .index = lines.number - 1};
    if (survey->numbered) {
      split = split_number(line);
      TW_TRY(place_numbered(&lines, &split, survey, labels->count, line_of, error));
    }
    labels->texts[split.index] = tw_strndup((const char *)split.label.data, split.label.size);
    if (labels->texts[split.index] == NULL) {
      return tw_error_memory(error);
    }
  }
  return TW_OK;
}

/* Labels of a file that has no more of them than there are outputs, and in order exactly as many. */
static tw_status place_all(tw_label_lines lines, const survey *survey, tw_labels *labels, tw_error *error) {
  size_t *line_of = tw_alloc(labels->count, sizeof *line_of);
  tw_status status = line_of == NULL ? tw_error_memory(error) : fill(lines, survey, labels, line_of, error);
  tw_free(line_of);
  TW_TRY(status);
  for (size_t i = 0; i < labels->count; i++) {
    if (labels->texts[i] == NULL) {
      return wrong_count(lines.path, survey->count, labels->count, &i, error);
    }
  }
  return TW_OK;
}

static tw_status wrong_kind(const char *path, tw_labels_kind kind, tw_error *error) {
  if (kind == TW_LABELS_IMAGENET_MAP) {
    return tw_error_set(error, TW_E_FORMAT, "%s: is a map from outputs to synsets, which needs their names beside it",
                        path);
  }
  return tw_error_set(error, TW_E_FORMAT,
                      "%s: is a list of synsets and their names; give the map that says which output is which synset "
                      "(.pbtxt), with this list beside it",
                      path);
}

tw_status tw_labels_parse(const char *path, tw_bytes text, size_t count, tw_labels *ret_labels, tw_error *error) {
  tw_labels_kind kind = tw_labels_sniff(text);
  if (kind != TW_LABELS_PLAIN) {
    return wrong_kind(path, kind, error);
  }
  tw_label_lines lines;
  survey survey;
  tw_labels labels;
  TW_TRY(tw_label_lines_open(path, text, &lines, error));
  TW_TRY(look(lines, &survey, error));
  if (survey.count > count || (survey.count < count && !survey.numbered)) {
    return wrong_count(path, survey.count, count, NULL, error);
  }
  TW_TRY(tw_labels_init(path, count, false, &labels, error));
  tw_status status = place_all(lines, &survey, &labels, error);
  if (status != TW_OK) {
    tw_labels_done(&labels);
    return status;
  }
  *ret_labels = labels;
  return TW_OK;
}
