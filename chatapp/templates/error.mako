<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>${title}</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <link rel="icon" href="${url('/icon.svg')}" type="image/svg+xml">
  <link rel="stylesheet" href="${url('/chat.css')}">
</head>
<body>
  <header class="bar">
    <p class="brand"><img src="${url('/icon.svg')}" alt="" width="28" height="28"> Chat</p>
  </header>
  <main>
    <div class="card">
      <h1>${title}</h1>
      <p class="lead">${advice}</p>
      <p><a href="${url('/')}">To the chat</a></p>
    </div>
  </main>
</body>
</html>
