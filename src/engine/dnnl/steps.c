/* Steps: from a primitive descriptor and operands to an entry of the plan. Chooses no layouts. */
#include <string.h>

#include "engine/dnnl/internal.h"

tw_status tw_engine_status(dnnl_status_t status, const char *what, tw_error *error) {
  switch (status) {
    case dnnl_success: return TW_OK;
    case dnnl_out_of_memory: return tw_error_memory(error);
    case dnnl_unimplemented:
    case dnnl_invalid_arguments:
      return tw_error_set(error, TW_E_UNSUPPORTED, "the kernel library has no %s of this form", what);
    default: return tw_error_set(error, TW_E_ENGINE, "the kernel library failed (%s, status %d)", what, (int)status);
  }
}

bool tw_all_finite(const void *floats, size_t count) {
  const uint32_t exponent = 0x7f800000; /* all ones: infinity or NaN */
  const uint8_t *bytes = floats;
  uint32_t wrong = 0;
  uint32_t bits;
  for (size_t i = 0; i < count; i++) {
    memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
    wrong |= (bits & exponent) == exponent;
  }
  return wrong == 0;
}

const char *tw_primitive_implementation(const_dnnl_primitive_desc_t desc) {
  const char *name = NULL;
  if (dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) != dnnl_success || name == NULL) {
    return "unknown";
  }
  return name;
}

dnnl_memory_desc_t tw_primitive_layout(const_dnnl_primitive_desc_t desc, dnnl_query_t what) {
  const dnnl_memory_desc_t *found = dnnl_primitive_desc_query_md(desc, what, 0);
  dnnl_memory_desc_t result;
  memset(&result, 0, sizeof result);
  return found == NULL ? result : *found;
}

/* With the scratchpad in the session's block. */
static tw_status create_attributes(dnnl_primitive_attr_t *ret_attributes, tw_error *error) {
  dnnl_primitive_attr_t attributes;
  TW_TRY(tw_engine_status(dnnl_primitive_attr_create(&attributes), "attributes", error));
  dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status != dnnl_success) {
    dnnl_primitive_attr_destroy(attributes);
    return tw_engine_status(status, "attributes", error);
  }
  *ret_attributes = attributes;
  return TW_OK;
}

static bool is_brgemm(const char *name) {
  return strncmp(name, "brg", 3) == 0 || strncmp(name, "brdgmm", 6) == 0;
}

bool tw_primitive_is_compiled(const_dnnl_primitive_desc_t desc) {
  const char *name = tw_primitive_implementation(desc);
  return strncmp(name, "jit", 3) == 0 || is_brgemm(name);
}

typedef struct description {
  const void *op;
  dnnl_post_ops_t post_ops; /* or NULL */
  const float *scales;      /* a channel of the result; or NULL */
  size_t channels;
} description;

/* Of floats that these kernels compute, digits depend on the number of threads, and joins cost copies: they want
 * channels last. */
static bool is_unwanted(const_dnnl_primitive_desc_t desc) {
  const dnnl_memory_desc_t source = tw_primitive_layout(desc, dnnl_query_src_md);
  return is_brgemm(tw_primitive_implementation(desc)) && !tw_layout_is_narrow(&source);
}

/* The library's first choice, or, where that is unwanted, the next compiled one, if there is any. */
static dnnl_status_t pick(dnnl_engine_t engine, const void *op, const_dnnl_primitive_attr_t attributes,
                          dnnl_primitive_desc_t *ret_desc) {
  dnnl_primitive_desc_iterator_t iterator;
  dnnl_status_t status = dnnl_primitive_desc_iterator_create(&iterator, op, attributes, engine, NULL);
  if (status != dnnl_success) {
    return status;
  }
  dnnl_primitive_desc_t desc = dnnl_primitive_desc_iterator_fetch(iterator);
  while (desc != NULL && is_unwanted(desc) && dnnl_primitive_desc_iterator_next(iterator) == dnnl_success) {
    dnnl_primitive_desc_t next = dnnl_primitive_desc_iterator_fetch(iterator);
    bool better = next != NULL && tw_primitive_is_compiled(next);
    dnnl_primitive_desc_destroy(better ? desc : next);
    desc = better ? next : desc;
  }
  dnnl_primitive_desc_iterator_destroy(iterator);
  *ret_desc = desc;
  return desc != NULL ? dnnl_success : dnnl_out_of_memory;
}

static tw_status create_desc(dnnl_engine_t engine, const description *description, dnnl_primitive_desc_t *ret_desc,
                             tw_error *error) {
  dnnl_primitive_attr_t attributes;
  TW_TRY(create_attributes(&attributes, error));
  dnnl_status_t status = description->post_ops == NULL
                             ? dnnl_success
                             : dnnl_primitive_attr_set_post_ops(attributes, description->post_ops);
  if (status == dnnl_success && description->scales != NULL) {
    status = dnnl_primitive_attr_set_output_scales(attributes, (dnnl_dim_t)description->channels, 1 << 1,
                                                   description->scales);
  }
  dnnl_primitive_desc_t desc = NULL;
  if (status == dnnl_success) {
    status = pick(engine, description->op, attributes, &desc);
  }
  dnnl_primitive_attr_destroy(attributes);
  TW_TRY(tw_engine_status(status, "kernel", error));
  *ret_desc = desc;
  return TW_OK;
}

/* Whether the digits would be others with more threads: a matrix product shares the sum of one element between them,
 * and brgconv cuts rows where the threads' parts end, which changes the order of the sums at the cuts (sums of integers
 * have none). */
static bool depends_on_threads(const_dnnl_primitive_desc_t desc) {
  const char *name = tw_primitive_implementation(desc);
  if (strncmp(name, "brgconv:", 8) == 0) {
    const dnnl_memory_desc_t source = tw_primitive_layout(desc, dnnl_query_src_md);
    return !tw_layout_is_narrow(&source);
  }
  return strstr(name, "gemm") != NULL;
}

static tw_status create_steady_desc(tw_builder *builder, const description *description,
                                    dnnl_primitive_desc_t *ret_desc, tw_error *error) {
  dnnl_primitive_desc_t desc;
  TW_TRY(create_desc(builder->plan->engine, description, &desc, error));
  if (builder->plan->threads > 1 && depends_on_threads(desc)) {
    dnnl_primitive_desc_destroy(desc);
    omp_set_num_threads(1);
    tw_status status = create_desc(builder->plan->engine, description, &desc, error);
    omp_set_num_threads(builder->plan->threads);
    if (status != TW_OK) {
      return status;
    }
  }
  *ret_desc = desc;
  return TW_OK;
}

tw_status tw_primitive_desc(tw_builder *builder, const void *op_desc, dnnl_post_ops_t post_ops,
                            dnnl_primitive_desc_t *ret_desc, tw_error *error) {
  const description description = {.op = op_desc, .post_ops = post_ops};
  return create_steady_desc(builder, &description, ret_desc, error);
}

tw_status tw_primitive_desc_scaled(tw_builder *builder, const void *op_desc, dnnl_post_ops_t post_ops,
                                   const float *scales, size_t channels, dnnl_primitive_desc_t *ret_desc,
                                   tw_error *error) {
  const description description = {op_desc, post_ops, scales, channels};
  return create_steady_desc(builder, &description, ret_desc, error);
}

tw_status tw_concat_desc(tw_builder *builder, const dnnl_memory_desc_t *joined, int axis,
                         const dnnl_memory_desc_t *layouts, size_t count, dnnl_primitive_desc_t *ret_desc,
                         tw_error *error) {
  dnnl_primitive_attr_t attributes;
  TW_TRY(create_attributes(&attributes, error));
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status =
      dnnl_concat_primitive_desc_create(&desc, joined, (int)count, axis, layouts, attributes, builder->plan->engine);
  dnnl_primitive_attr_destroy(attributes);
  TW_TRY(tw_engine_status(status, "concatenation", error));
  *ret_desc = desc;
  return TW_OK;
}

/* ---- Adding ------------------------------------------------------------------------------------------------------ */

static const tw_operand *operand_of(const tw_argument *arguments, size_t count, int role) {
  for (size_t i = 0; i < count; i++) {
    if (arguments[i].role == role) {
      return &arguments[i].operand;
    }
  }
  return NULL;
}

static const char *describe_layouts(tw_arena *arena, const tw_argument *arguments, size_t count) {
  char from[TW_LAYOUT_TEXT_SIZE] = "";
  char to[TW_LAYOUT_TEXT_SIZE] = "";
  const tw_operand *source = operand_of(arguments, count, DNNL_ARG_SRC);
  const tw_operand *result = operand_of(arguments, count, DNNL_ARG_DST);
  char text[2 * TW_LAYOUT_TEXT_SIZE + 8];
  snprintf(text, sizeof text, "%s -> %s", source != NULL ? tw_layout_text(&source->desc, from) : "",
           result != NULL ? tw_layout_text(&result->desc, to) : "");
  return tw_arena_strdup(arena, text);
}

static tw_status add(tw_builder *builder, const char *kind, const char *implementation, const tw_argument *arguments,
                     size_t count, tw_step **ret_step, tw_error *error) {
  tw_plan *plan = builder->plan;
  if (plan->step_count >= TW_MAX_PLAN_STEPS) {
    return tw_error_set(error, TW_E_LIMIT, "the network needs more than %d steps", (int)TW_MAX_PLAN_STEPS);
  }
  const char *layout = describe_layouts(plan->arena, arguments, count);
  const char *name = tw_arena_strdup(plan->arena, builder->node != NULL ? builder->node->name : "output");
  tw_argument *copy = tw_arena_alloc(plan->arena, count + 1, sizeof *copy);
  tw_step *step = layout == NULL || name == NULL || copy == NULL
                      ? NULL
                      : tw_append(&plan->steps, &plan->step_count, &plan->step_capacity, sizeof *step);
  if (step == NULL) {
    return tw_error_memory(error);
  }
  memcpy(copy, arguments, count * sizeof *copy);
  step->arguments = copy;
  step->argument_count = count;
  step->info = (tw_plan_step){.name = name, .kind = kind, .implementation = implementation, .layout = layout};
  for (size_t i = 0; i < count; i++) {
    step->info.bytes += tw_layout_bytes(&arguments[i].operand.desc);
  }
  *ret_step = step;
  return TW_OK;
}

static tw_status add_scratchpad(tw_builder *builder, tw_step *step, tw_error *error) {
  const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(step->desc, dnnl_query_scratchpad_md, 0);
  if (scratchpad == NULL || tw_layout_bytes(scratchpad) == 0) {
    return TW_OK;
  }
  tw_argument *argument = &step->arguments[step->argument_count];
  TW_TRY(tw_builder_room(builder, scratchpad, &argument->operand, error));
  argument->role = DNNL_ARG_SCRATCHPAD;
  step->argument_count++;
  return TW_OK;
}

tw_status tw_builder_step(tw_builder *builder, const char *kind, dnnl_primitive_desc_t desc,
                          const tw_argument *arguments, size_t count, uint64_t multiplications, tw_error *error) {
  tw_step *step;
  tw_status status = add(builder, kind, tw_primitive_implementation(desc), arguments, count, &step, error);
  if (status != TW_OK) {
    dnnl_primitive_desc_destroy(desc);
    return status;
  }
  step->desc = desc;
  step->single = depends_on_threads(desc);
  step->info.multiplications = multiplications;
  return add_scratchpad(builder, step, error);
}

tw_status tw_builder_own(tw_builder *builder, const char *kind, const char *implementation, const tw_own *own,
                         const tw_argument *arguments, size_t count, uint64_t multiplications, tw_error *error) {
  tw_step *step;
  TW_TRY(add(builder, kind, implementation, arguments, count, &step, error));
  step->own = *own;
  step->info.multiplications = multiplications;
  return TW_OK;
}

tw_status tw_builder_join_name(tw_builder *builder, const tw_node *node, tw_error *error) {
  tw_plan_step *info = &builder->plan->steps[builder->plan->step_count - 1].info;
  size_t length = strlen(info->name) + strlen(node->name) + 2;
  char *name = tw_arena_alloc(builder->plan->arena, length, 1);
  if (name == NULL) {
    return tw_error_memory(error);
  }
  snprintf(name, length, "%s+%s", info->name, node->name);
  info->name = name;
  return TW_OK;
}

tw_status tw_builder_unary(tw_builder *builder, const char *kind, dnnl_primitive_desc_t desc, const tw_operand *from,
                           bool in_place, const tw_value *result, tw_error *error) {
  dnnl_memory_desc_t layout = tw_primitive_layout(desc, dnnl_query_dst_md);
  tw_argument arguments[] = {{DNNL_ARG_SRC, *from}, {DNNL_ARG_DST, *from}};
  if (!in_place || !dnnl_memory_desc_equal(&layout, &from->desc) || !tw_builder_may_overwrite(builder, from)) {
    tw_status status = tw_builder_room(builder, &layout, &arguments[1].operand, error);
    if (status != TW_OK) {
      dnnl_primitive_desc_destroy(desc);
      return status;
    }
  }
  TW_TRY(tw_builder_step(builder, kind, desc, arguments, 2, 0, error));
  return tw_builder_set(builder, result, &arguments[1].operand, error);
}

/* ---- Reorder and copy -------------------------------------------------------------------------------------------- */

tw_status tw_builder_reorder(tw_builder *builder, const tw_operand *from, const tw_operand *to, tw_error *error) {
  const tw_argument arguments[] = {{DNNL_ARG_FROM, *from}, {DNNL_ARG_TO, *to}};
  if (tw_layout_same(&from->desc, &to->desc)) {
    tw_step *copy;
    return add(builder, "copy", "ours", arguments, 2, &copy, error);
  }
  dnnl_primitive_attr_t attributes;
  TW_TRY(create_attributes(&attributes, error));
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status = dnnl_reorder_primitive_desc_create(&desc, &from->desc, builder->plan->engine, &to->desc,
                                                            builder->plan->engine, attributes);
  dnnl_primitive_attr_destroy(attributes);
  TW_TRY(tw_engine_status(status, "reorder", error));
  return tw_builder_step(builder, "reorder", desc, arguments, 2, 0, error);
}
