/* One end of the interop tests: libnghttp2 behind the line protocol of interop.test.ts. */

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 1024 };

static nghttp2_hd_deflater *deflater;
static nghttp2_hd_inflater *inflater;

static void fail(const char *what, int code) {
  fprintf(stderr, "%s: %s\n", what, nghttp2_strerror(code));
  exit(1);
}

/* Reads hex digits up to the first other character and moves the cursor there. */
static uint8_t *unhex(char **cursor, size_t *length) {
  size_t digits = strspn(*cursor, "0123456789abcdef");
  uint8_t *octets = malloc(digits / 2 + 1);
  for (size_t i = 0; i < digits / 2; i++) {
    unsigned int octet;
    sscanf(*cursor + 2 * i, "%2x", &octet);
    octets[i] = (uint8_t)octet;
  }
  *cursor += digits;
  *length = digits / 2;
  return octets;
}

static void put_hex(const uint8_t *octets, size_t length) {
  for (size_t i = 0; i < length; i++) printf("%02x", octets[i]);
}

static void encode(char *cursor) {
  nghttp2_nv fields[MAX_FIELDS];
  size_t count = 0;
  while (*cursor != '\0' && count < MAX_FIELDS) {
    nghttp2_nv *field = &fields[count++];
    field->name = unhex(&cursor, &field->namelen);
    cursor++;
    field->value = unhex(&cursor, &field->valuelen);
    field->flags = cursor[1] == '1' ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    cursor += 2;
    if (*cursor == ' ') cursor++;
  }
  size_t bound = nghttp2_hd_deflate_bound(deflater, fields, count);
  uint8_t *block = malloc(bound + 1);
  ssize_t length = nghttp2_hd_deflate_hd(deflater, block, bound, fields, count);
  if (length < 0) fail("deflate", (int)length);
  put_hex(block, (size_t)length);
  free(block);
  for (size_t i = 0; i < count; i++) {
    free(fields[i].name);
    free(fields[i].value);
  }
}

static void decode(char *cursor) {
  size_t length;
  uint8_t *block = unhex(&cursor, &length);
  const uint8_t *in = block;
  const char *separator = "";
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, in, length, 1);
    if (used < 0) fail("inflate", (int)used);
    in += used;
    length -= (size_t)used;
    if (flags & NGHTTP2_HD_INFLATE_EMIT) {
      printf("%s", separator);
      put_hex(field.name, field.namelen);
      printf(":");
      put_hex(field.value, field.valuelen);
      printf(":%d", field.flags & NGHTTP2_NV_FLAG_NO_INDEX ? 1 : 0);
      separator = " ";
    }
    if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && length == 0) break;
  }
  nghttp2_hd_inflate_end_headers(inflater);
  free(block);
}

int main(void) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t length;
  int code;
  if ((code = nghttp2_hd_deflate_new(&deflater, 65536)) != 0) fail("deflate_new", code);
  if ((code = nghttp2_hd_deflate_change_table_size(deflater, 4096)) != 0) fail("deflate_change_table_size", code);
  if ((code = nghttp2_hd_inflate_new(&inflater)) != 0) fail("inflate_new", code);
  while ((length = getline(&line, &capacity, stdin)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = '\0';
    char *argument = strchr(line, ' ');
    argument = argument == NULL ? line + strlen(line) : argument + 1;
    if (strncmp(line, "encode ", 7) == 0) encode(argument);
    else if (strncmp(line, "decode ", 7) == 0) decode(argument);
    else if (strncmp(line, "encoder-size ", 13) == 0) code = nghttp2_hd_deflate_change_table_size(deflater, strtoul(argument, NULL, 10));
    else if (strncmp(line, "decoder-size ", 13) == 0) code = nghttp2_hd_inflate_change_table_size(inflater, strtoul(argument, NULL, 10));
    if (code != 0) fail("change_table_size", code);
    printf("\n");
  }
  free(line);
  nghttp2_hd_deflate_del(deflater);
  nghttp2_hd_inflate_del(inflater);
  return 0;
}
