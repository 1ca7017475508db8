// packages/kernel/src/guest/web/zlib.ts: what compression.ts needs of pako: its own file, so that the bundle can keep it apart until it is
// asked for (guest-bundle.ts).
export {
  Z_BUF_ERROR,
  Z_DEFAULT_STRATEGY,
  Z_FINISH,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibDeflate,
  zlibDeflateInit2,
  zlibInflate,
  zlibInflateInit2,
} from 'pako'
