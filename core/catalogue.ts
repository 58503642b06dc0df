/**
 * Every error that Graft reports, by code. `status` is the HTTP status, `exit` the command's exit code:
 * 2 where the caller asked for something wrong, 1 where the work itself failed.
 */
export const catalogue = {
  adapter_inert: { status: 422, exit: 2, title: 'The adapter does nothing' },
  adapter_unknown: { status: 404, exit: 2, title: 'No such adapter' },
  base_incomplete: { status: 422, exit: 2, title: 'The base lacks something that Graft needs' },
  base_mismatch: { status: 409, exit: 2, title: 'The adapter was trained on another base' },
  base_unknown: { status: 404, exit: 2, title: 'No such base' },
  body_invalid: { status: 422, exit: 2, title: 'The request is not what this route takes' },
  body_not_json: { status: 400, exit: 2, title: 'The body is not JSON' },
  body_too_large: { status: 413, exit: 2, title: 'The body is too large' },
  body_type_unsupported: { status: 415, exit: 2, title: 'The body is of a kind that Graft does not read' },
  checkpoint_config: {
    status: 422,
    exit: 2,
    title: 'The checkpoint has a configuration that Graft does not implement',
  },
  checkpoint_corrupt: { status: 422, exit: 2, title: 'The checkpoint is damaged' },
  checkpoint_tensors: {
    status: 422,
    exit: 2,
    title: 'The tensors of the checkpoint are not those of its configuration',
  },
  closing: { status: 503, exit: 1, title: 'Graft is shutting down' },
  data_classes: { status: 422, exit: 2, title: 'The data do not hold the classes that training needs' },
  data_empty: { status: 422, exit: 2, title: 'The data hold no review' },
  data_format: { status: 422, exit: 2, title: 'The data are in no format that Graft reads' },
  data_label: { status: 422, exit: 2, title: 'A label is unknown' },
  data_line: { status: 422, exit: 2, title: 'A line of the data cannot be read' },
  device_unavailable: { status: 422, exit: 2, title: 'The device is not available' },
  disk_full: { status: 507, exit: 1, title: 'The disk is full' },
  file_missing: { status: 404, exit: 2, title: 'No such file or folder' },
  headers_too_large: { status: 431, exit: 2, title: 'The headers of the request are too large' },
  host_refused: { status: 403, exit: 2, title: 'The request came from a place that is not allowed' },
  internal: { status: 500, exit: 1, title: 'Graft failed' },
  interrupted: { status: 499, exit: 130, title: 'Interrupted, with the state saved' },
  label_words: { status: 422, exit: 2, title: 'The label words do not fit the base' },
  method_invalid: { status: 422, exit: 2, title: 'The method is configured wrongly' },
  method_not_allowed: { status: 405, exit: 2, title: 'This address does not take that HTTP method' },
  not_found: { status: 404, exit: 2, title: 'There is nothing at this address' },
  output_exists: { status: 409, exit: 2, title: 'The output folder exists' },
  overloaded: { status: 429, exit: 1, title: 'Too many requests are waiting' },
  request_malformed: { status: 400, exit: 2, title: 'The request is not whole, correct HTTP' },
  request_timeout: { status: 408, exit: 2, title: 'The request did not come in time' },
  state_mismatch: { status: 409, exit: 2, title: 'The saved state belongs to another training' },
  text_invalid: { status: 422, exit: 2, title: 'A text cannot be classified' },
  training_diverged: { status: 422, exit: 1, title: 'The training diverged' },
  training_failed: { status: 500, exit: 1, title: 'The training ended before its time' },
  usage: { status: 400, exit: 2, title: 'Wrong usage' },
} as const satisfies Record<string, { status: number; exit: number; title: string }>

export type ErrorCode = keyof typeof catalogue
