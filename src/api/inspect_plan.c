/* `inspect --plan`: the steps of a plan, each timed, and what they come to by kind; as tables or as JSON. Makes no
 * plan. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "formats/formats.h"

enum { ROUNDS = 5 };

/* What steps of one kind and implementation come to. */
typedef struct group {
  const char *kind;
  const char *implementation; /* NULL: all */
  size_t steps;
  double seconds;
  uint64_t multiplications;
  size_t bytes;
} group;

typedef struct profile {
  const tw_plan *plan;
  int threads;
  double *seconds; /* of each step */
  group total;
  group *groups; /* the slowest first */
  size_t group_count;
} profile;

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

/* profile->seconds: the mean of ROUNDS, after one that warms up. */
static tw_status measure(profile *profile, tw_error *error) {
  const tw_plan *plan = profile->plan;
  const size_t steps = tw_plan_step_count(plan);
  tw_session *session = NULL;
  float *input = tw_alloc(tw_plan_input_count(plan), sizeof *input);
  profile->seconds = tw_alloc(steps, sizeof *profile->seconds);
  tw_status status =
      input == NULL || profile->seconds == NULL ? tw_error_memory(error) : tw_session_create(plan, &session, error);
  for (int round = 0; status == TW_OK && round <= ROUNDS; round++) {
    if (round == 1) {
      memset(profile->seconds, 0, steps * sizeof *profile->seconds);
    }
    status = tw_session_profile(session, input, profile->seconds, error);
  }
  for (size_t i = 0; status == TW_OK && i < steps; i++) {
    profile->seconds[i] /= ROUNDS;
  }
  tw_free(input);
  tw_session_free(session);
  return status;
}

static void count_in(group *group, const tw_plan_step *step, double seconds) {
  group->steps++;
  group->seconds += seconds;
  group->multiplications += step->multiplications;
  group->bytes += step->bytes;
}

static group *find_group(profile *profile, const tw_plan_step *step) {
  for (size_t i = 0; i < profile->group_count; i++) {
    group *found = &profile->groups[i];
    if (strcmp(found->kind, step->kind) == 0 && strcmp(found->implementation, step->implementation) == 0) {
      return found;
    }
  }
  profile->groups[profile->group_count] = (group){.kind = step->kind, .implementation = step->implementation};
  return &profile->groups[profile->group_count++];
}

static int slower_first(const void *a, const void *b) {
  const group *x = a;
  const group *y = b;
  return x->seconds > y->seconds ? -1 : x->seconds < y->seconds;
}

static tw_status profile_plan(const tw_plan *plan, int threads, profile *profile, tw_error *error) {
  const size_t steps = tw_plan_step_count(plan);
  *profile = (struct profile){.plan = plan, .threads = threads, .total = {.kind = "all"}};
  profile->groups = tw_alloc(steps, sizeof *profile->groups);
  if (profile->groups == NULL) {
    return tw_error_memory(error);
  }
  TW_TRY(measure(profile, error));
  for (size_t i = 0; i < steps; i++) {
    const tw_plan_step *step = tw_plan_step_at(plan, i);
    count_in(find_group(profile, step), step, profile->seconds[i]);
    count_in(&profile->total, step, profile->seconds[i]);
  }
  qsort(profile->groups, profile->group_count, sizeof *profile->groups, slower_first);
  return TW_OK;
}

static void release(profile *profile) {
  tw_free(profile->seconds);
  tw_free(profile->groups);
}

/* All steps of a kind. */
static group of_kind(const profile *profile, const char *kind) {
  group all = {.kind = kind};
  for (size_t i = 0; i < profile->group_count; i++) {
    const group *group = &profile->groups[i];
    if (strcmp(group->kind, kind) == 0) {
      all.steps += group->steps;
      all.seconds += group->seconds;
      all.multiplications += group->multiplications;
      all.bytes += group->bytes;
    }
  }
  return all;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static void append_figures(tw_buffer *buffer, const profile *profile, double seconds, uint64_t multiplications,
                           size_t bytes) {
  const double share = profile->total.seconds > 0 ? seconds / profile->total.seconds : 0;
  tw_buffer_format(buffer, "%8.3f %5.1f%% %9.2f %9.0f  ", 1e3 * seconds, 100 * share, (double)multiplications / 1e6,
                   (double)bytes / 1e3);
}

static void append_groups(tw_buffer *buffer, const profile *profile) {
  tw_buffer_format(buffer, "\n%8s %6s %9s %9s  %6s %-14s %s\n", "ms", "share", "M mul-add", "kB", "steps", "kind",
                   "implementation");
  for (size_t i = 0; i < profile->group_count; i++) {
    const group *group = &profile->groups[i];
    append_figures(buffer, profile, group->seconds, group->multiplications, group->bytes);
    tw_buffer_format(buffer, "%6zu %-14s %s\n", group->steps, group->kind, group->implementation);
  }
  const group *total = &profile->total;
  append_figures(buffer, profile, total->seconds, total->multiplications, total->bytes);
  tw_buffer_format(buffer, "%6zu all\n", total->steps);
  const group reorders = of_kind(profile, "reorder");
  const group copies = of_kind(profile, "copy");
  tw_buffer_format(buffer, "reorders: %zu (%.0f kB), copies: %zu (%.0f kB)\n", reorders.steps,
                   (double)reorders.bytes / 1e3, copies.steps, (double)copies.bytes / 1e3);
}

static void append_text(tw_buffer *buffer, const profile *profile) {
  const tw_plan *plan = profile->plan;
  tw_buffer_format(buffer, "\nplan: %zu steps, %d core%s a picture, weights %.1f MB, session %.1f MB, %.2f ms\n",
                   profile->total.steps, profile->threads, profile->threads == 1 ? "" : "s",
                   (double)tw_plan_weight_bytes(plan) / 1e6, (double)tw_plan_session_bytes(plan) / 1e6,
                   1e3 * profile->total.seconds);
  tw_buffer_format(buffer, "%8s %6s %9s %9s  %-14s %-22s %-20s %s\n", "ms", "share", "M mul-add", "kB", "kind",
                   "implementation", "layout", "node");
  for (size_t i = 0; i < profile->total.steps; i++) {
    const tw_plan_step *step = tw_plan_step_at(plan, i);
    append_figures(buffer, profile, profile->seconds[i], step->multiplications, step->bytes);
    tw_buffer_format(buffer, "%-14s %-22s %-20s ", step->kind, step->implementation, step->layout);
    tw_text_append_escaped(buffer, step->name);
    tw_buffer_text(buffer, "\n");
  }
  append_groups(buffer, profile);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *group_json(const group *group) {
  return json_pack("{s:s, s:s*, s:I, s:f, s:I, s:I}", "kind", group->kind, "implementation", group->implementation,
                   "steps", (json_int_t)group->steps, "seconds", group->seconds, "multiply_adds",
                   (json_int_t)group->multiplications, "bytes", (json_int_t)group->bytes);
}

static json_t *steps_json(const profile *profile) {
  json_t *steps = json_array();
  for (size_t i = 0; i < profile->total.steps; i++) {
    const tw_plan_step *step = tw_plan_step_at(profile->plan, i);
    json_array_append_new(
        steps, json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:I}", "name", step->name, "kind", step->kind,
                         "implementation", step->implementation, "layout", step->layout, "seconds", profile->seconds[i],
                         "multiply_adds", (json_int_t)step->multiplications, "bytes", (json_int_t)step->bytes));
  }
  return steps;
}

static json_t *profile_json(const profile *profile) {
  json_t *groups = json_array();
  for (size_t i = 0; i < profile->group_count; i++) {
    json_array_append_new(groups, group_json(&profile->groups[i]));
  }
  const group reorders = of_kind(profile, "reorder");
  const group copies = of_kind(profile, "copy");
  return json_pack("{s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "cores", profile->threads, "weight_bytes",
                   (json_int_t)tw_plan_weight_bytes(profile->plan), "session_bytes",
                   (json_int_t)tw_plan_session_bytes(profile->plan), "total", group_json(&profile->total), "reorders",
                   group_json(&reorders), "copies", group_json(&copies), "groups", groups, "steps",
                   steps_json(profile));
}

/* ---- Both -------------------------------------------------------------------------------------------------------- */

tw_status tw_api_describe_plan(const tw_plan *plan, int threads, tw_buffer *text, struct json_t **ret_json,
                               tw_error *error) {
  profile profile;
  tw_status status = profile_plan(plan, threads, &profile, error);
  if (status == TW_OK && text != NULL) {
    append_text(text, &profile);
  }
  if (status == TW_OK && ret_json != NULL) {
    *ret_json = profile_json(&profile);
    status = *ret_json == NULL ? tw_error_memory(error) : TW_OK;
  }
  release(&profile);
  return status;
}
