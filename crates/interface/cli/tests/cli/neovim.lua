-- Starts `tenon lsp` as a person's configuration would, asks for completion at the end of a line, and prints what came.
local function fail(message)
  io.stdout:write("failed: " .. message .. "\n")
  vim.cmd("cquit 1")
end

vim.cmd("edit area.py")
vim.bo.filetype = "python"
local client = vim.lsp.start_client({
  name = "tenon",
  cmd = { vim.env.TENON, "lsp", "--model", "qwen2.5-coder-0.5b" },
  root_dir = vim.fn.getcwd(),
  init_options = { automaticDeadline = 60000, invokedDeadline = 60000 },
})
if not client then
  fail("the client did not start")
end
vim.lsp.buf_attach_client(0, client)
if not vim.wait(60000, function() return vim.lsp.buf_is_attached(0, client) and vim.lsp.get_client_by_id(client).initialized end) then
  fail("the client is not ready")
end
vim.api.nvim_win_set_cursor(0, { 2, 11 })
local answers, problem = vim.lsp.buf_request_sync(0, "textDocument/completion", {
  textDocument = vim.lsp.util.make_text_document_params(),
  position = { line = 1, character = 11 },
  context = { triggerKind = 1 },
}, 120000)
if not answers then
  fail(problem or "no answer")
end
for _, item in ipairs(answers[client].result.items) do
  io.stdout:write("item: " .. item.textEdit.newText .. "\n")
end
vim.lsp.stop_client(client)
vim.wait(10000, function() return vim.lsp.client_is_stopped(client) end)
vim.cmd("qall!")
