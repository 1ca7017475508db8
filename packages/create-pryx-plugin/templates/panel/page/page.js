// page/page.js: the page. It talks to the plugin by its own address below /sample/api.
const count = document.querySelector('#count')

async function show(answer) {
  count.textContent = answer.ok ? (await answer.json()).count : `The plugin answered ${answer.status}`
}

document.querySelector('#add').addEventListener('click', async () => {
  show(await fetch('api/count', { method: 'POST' }))
})
show(await fetch('api/count'))
