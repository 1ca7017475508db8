process.on('disconnect', () => process.exit())
process.on('message', (message) => process.send?.(message))
