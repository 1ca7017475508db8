// plugins/web/page/assets.d.ts: what esbuild can import beside code.
declare module '*.css'
