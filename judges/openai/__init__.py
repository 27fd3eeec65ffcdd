"""A judge at a server with OpenAI's chat API and logprobs: nobody can tell its weights."""
