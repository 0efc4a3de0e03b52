/* Which precision a trunk computes in: what was asked for, or the first that does. Calibrations that are kept are
 * used; what is missing is made and kept. Not for the arithmetic, which is the engine's, nor for where things are kept
 * (calibration_file.c). */
#include "features/calibration.h"

#include "features/trunk.h"

/* One choice while it is made. */
typedef struct choice {
  tw_trunk *trunk;
  const tw_precision_request *request;
  tw_picture_sample *sample; /* NULL: not drawn yet */
  tw_graph *graph;           /* NULL: not made yet; the features, optimised */
  tw_buffer why_not;         /* of what was tried before, "; not int8: ..." */
  bool kept;                 /* the calibration was there: perhaps of other pictures */
} choice;

static void say(const choice *choice, const char *format, ...) TW_PRINTF(2, 3);

static void say(const choice *choice, const char *format, ...) {
  tw_error line; /* only for its text: on one line, as messages are */
  char text[TW_ERROR_MESSAGE_SIZE];
  va_list arguments;
  if (choice->request->note == NULL) {
    return;
  }
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  tw_error_set(&line, TW_OK, "%s", text);
  choice->request->note(choice->request->context, line.message);
}

static tw_status prepare(choice *choice, tw_error *error) {
  if (choice->graph == NULL) {
    TW_TRY(tw_trunk_plan_graph(choice->trunk, TW_HEAD_FEATURES, &choice->graph, error));
  }
  return choice->sample != NULL ? TW_OK
                                : tw_picture_sample_draw(choice->trunk, choice->request, &choice->sample, error);
}

/* ---- Making ------------------------------------------------------------------------------------------------------ */

static tw_status make_int8(choice *choice, tw_calibration *calibration, tw_error *error) {
  const tw_precision_request *request = choice->request;
  tw_sample sample = tw_picture_sample_engine(choice->sample);
  tw_ticker none = {0};
  if (sample.count < TW_MIN_CALIBRATION) {
    return tw_error_set(error, TW_E_DATA,
                        "%zu of the %zu pictures can be read and differ, and the calibration needs at least %d; add "
                        "pictures, or use f32",
                        sample.count, request->count, (int)TW_MIN_CALIBRATION);
  }
  TW_TRY(tw_quantise(choice->graph, &sample, tw_thread_count(request->threads),
                     request->ticker == NULL ? &none : request->ticker, &calibration->quantised, error));
  calibration->about = (tw_trunk_precision){.precision = TW_PRECISION_INT8,
                                            .fidelity = tw_quantised_fidelity(calibration->quantised),
                                            .unseen = sample.checks > 0,
                                            .calibrated = sample.count};
  return TW_OK;
}

static tw_status make_bf16(choice *choice, tw_calibration *calibration, tw_error *error) {
  tw_sample sample = tw_picture_sample_engine(choice->sample);
  calibration->about = (tw_trunk_precision){.precision = TW_PRECISION_BF16, .unseen = sample.checks > 0};
  return sample.count == 0
             ? TW_OK
             : tw_engine_fidelity(choice->graph, TW_PRECISION_BF16, NULL, &sample,
                                  tw_thread_count(choice->request->threads), &calibration->about.fidelity, error);
}

static tw_status make(choice *choice, tw_precision precision, tw_calibration *calibration, tw_error *error) {
  const tw_trunk *trunk = choice->trunk;
  TW_TRY(prepare(choice, error));
  tw_status status =
      precision == TW_PRECISION_INT8 ? make_int8(choice, calibration, error) : make_bf16(choice, calibration, error);
  if (status == TW_OK || status == TW_E_CANCELLED || status == TW_E_MEMORY) {
    return status;
  }
  return tw_error_prefix(error, status, "%s in %s", tw_trunk_name(trunk), tw_precision_name(precision));
}

static tw_status none_is_kept(const choice *choice, tw_error *error) {
  const char *name = tw_trunk_name(choice->trunk);
  return tw_error_set(
      error, TW_E_ARGUMENT,
      "no calibration of the trunk %s for int8 is kept: 'topwork features DIR -o F.npy --precision int8' "
      "makes one from the pictures in DIR (with the same --trunk and --cache), and so does 'topwork "
      "train'",
      name);
}

/* ---- Keeping ----------------------------------------------------------------------------------------------------- */

/* Whether a calibration is kept and good. */
static tw_status find_kept(const choice *choice, const char *path, tw_precision precision, tw_calibration *calibration,
                           bool *ret_found, tw_error *error) {
  tw_error reason;
  tw_status status = tw_calibration_read(path, precision, calibration, &reason);
  if (status == TW_E_MEMORY) {
    return tw_error_memory(error);
  }
  if (status == TW_E_FORMAT) {
    say(choice, "%s%s", reason.message, choice->request->count > 0 ? " (it is made anew)" : "");
  }
  *ret_found = status == TW_OK;
  return TW_OK;
}

static tw_status keep(const choice *choice, const char *path, const tw_calibration *calibration, tw_error *error) {
  tw_error reason;
  tw_status status = tw_calibration_write(path, calibration, &reason);
  if (status == TW_E_MEMORY) {
    return tw_error_memory(error);
  }
  if (status != TW_OK) {
    say(choice, "the calibration is not kept for the next time: %s", reason.message);
  }
  return TW_OK;
}

static tw_status find_or_make(choice *choice, const char *path, tw_precision precision, tw_calibration *calibration,
                              tw_error *error) {
  const tw_precision_request *request = choice->request;
  bool found = false;
  if (path != NULL && !request->recalibrate) {
    TW_TRY(find_kept(choice, path, precision, calibration, &found, error));
  }
  choice->kept = found;
  if (found) {
    return TW_OK;
  }
  if (request->count == 0 && precision == TW_PRECISION_INT8) {
    return none_is_kept(choice, error);
  }
  if (request->count == 0) {
    calibration->about = (tw_trunk_precision){.precision = precision};
    return TW_OK;
  }
  TW_TRY(make(choice, precision, calibration, error));
  return path == NULL ? TW_OK : keep(choice, path, calibration, error);
}

/* A folder that cannot be named is only a note: the run goes on without. */
static tw_status path_of(const choice *choice, tw_precision precision, char **ret_path, tw_error *error) {
  tw_error reason;
  if (choice->request->no_cache) {
    return TW_OK;
  }
  tw_status status = tw_calibration_path(choice->trunk, precision, choice->request->cache, ret_path, &reason);
  if (status == TW_E_MEMORY) {
    return tw_error_memory(error);
  }
  if (status != TW_OK) {
    say(choice, "calibrations are not kept: %s", reason.message);
  }
  return TW_OK;
}

/* ---- Choosing ---------------------------------------------------------------------------------------------------- */

static tw_status get(choice *choice, tw_precision precision, tw_calibration *calibration, tw_error *error) {
  char *path = NULL;
  TW_TRY(path_of(choice, precision, &path, error));
  tw_status status = find_or_make(choice, path, precision, calibration, error);
  tw_free(path);
  if (status != TW_OK) {
    tw_calibration_done(calibration);
  }
  return status;
}

/* Takes over what the calibration holds. */
static tw_status set(choice *choice, tw_calibration *calibration, tw_error *error) {
  tw_map *map = calibration->map;
  tw_status status = tw_trunk_set_precision(choice->trunk, &calibration->about, calibration->quantised, error);
  tw_trunk_keep_map(choice->trunk, map);
  return status;
}

static tw_status choose_given(choice *choice, tw_error *error) {
  tw_precision wanted = choice->request->precision;
  tw_precision possible;
  const char *note = NULL;
  TW_TRY(tw_engine_precision(wanted, &possible, &note, error));
  if (note != NULL) {
    say(choice, "%s", note);
  }
  if (possible == TW_PRECISION_F32) {
    return TW_OK;
  }
  tw_calibration calibration = {0};
  TW_TRY(get(choice, possible, &calibration, error));
  return set(choice, &calibration, error);
}

static bool is_near(const tw_fidelity *fidelity) {
  return fidelity->pictures > 0 && fidelity->mean >= TW_FIDELITY_MEAN && fidelity->worst >= TW_FIDELITY_WORST;
}

/* Tries one precision of several. *ret_chosen: it does; otherwise `why` says why not. */
static tw_status try_precision(choice *choice, tw_precision precision, bool *ret_chosen, tw_error *why,
                               tw_error *error) {
  tw_calibration calibration = {0};
  tw_precision possible = precision;
  const char *note = NULL;
  tw_status status = tw_engine_precision(precision, &possible, &note, why);
  if (status == TW_OK && note != NULL) {
    status = tw_error_set(why, TW_E_UNSUPPORTED, "%s", note);
  }
  status = status == TW_OK ? get(choice, precision, &calibration, why) : status;
  if (status == TW_E_DATA || status == TW_E_UNSUPPORTED || status == TW_E_ARGUMENT) {
    return TW_OK;
  }
  if (status != TW_OK) {
    return tw_error_set(error, status, "%s", why->message);
  }
  if (is_near(&calibration.about.fidelity)) {
    *ret_chosen = true;
    return set(choice, &calibration, error);
  }
  const tw_fidelity *fidelity = &calibration.about.fidelity;
  if (fidelity->pictures == 0) {
    tw_error_set(why, TW_E_DATA, "there are no pictures to measure it on");
  } else {
    tw_error_set(why, TW_E_DATA, "cosine to f32 only %.4f on average, %.4f at worst", fidelity->mean, fidelity->worst);
  }
  tw_calibration_done(&calibration);
  return TW_OK;
}

static tw_status choose_automatically(choice *choice, tw_error *error) {
  static const tw_precision order[] = {TW_PRECISION_INT8, TW_PRECISION_BF16};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    tw_error why;
    bool chosen = false;
    TW_TRY(try_precision(choice, order[i], &chosen, &why, error));
    if (chosen) {
      return TW_OK;
    }
    choice->kept = false;
    tw_buffer_format(&choice->why_not, "; not %s: %s", tw_precision_name(order[i]), why.message);
  }
  return TW_OK;
}

/* The one line of what was chosen and why. That it was measured on other pictures, perhaps, is said here and not in the
 * model, which does not depend on when it was measured. */
static tw_status say_choice(choice *choice, tw_error *error) {
  const tw_trunk_precision *chosen = tw_trunk_get_precision(choice->trunk);
  if (chosen->precision == TW_PRECISION_F32 && choice->why_not.size == 0) {
    return TW_OK;
  }
  char *text = tw_trunk_precision_text(chosen);
  if (text == NULL || choice->why_not.failed) {
    tw_free(text);
    return tw_error_memory(error);
  }
  tw_bytes why_not = tw_buffer_bytes(&choice->why_not);
  say(choice, "%s%s%.*s", text, choice->kept ? "; measured before, and kept" : "", (int)why_not.size,
      why_not.size == 0 ? "" : (const char *)why_not.data);
  tw_free(text);
  return TW_OK;
}

tw_status tw_trunk_choose_precision(tw_trunk *trunk, const tw_precision_request *request, tw_error *error) {
  choice choice = {.trunk = trunk, .request = request};
  tw_status status = request->automatic ? choose_automatically(&choice, error) : choose_given(&choice, error);
  status = status == TW_OK ? say_choice(&choice, error) : status;
  tw_buffer_done(&choice.why_not);
  tw_picture_sample_free(choice.sample);
  tw_graph_free(choice.graph);
  return status;
}
