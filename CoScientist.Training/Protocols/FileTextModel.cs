using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;

namespace CoScientist.Training.Protocols;

/// <summary>A GGUF file that answers prompts in this process, by llama.cpp. It is opened with the first call; calls wait for each other.</summary>
/// <param name="name">Name recorded with what it produces.</param>
/// <param name="path">The file.</param>
public sealed class FileTextModel(string name, string path) : ITextModel, IDisposable
{
    private readonly SemaphoreSlim gate = new(1);
    private ISamplingEngine? engine;
    private LocalTextModel? model;

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Open().CompleteAsync(prompts, options, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException fault)
        {
            throw new TextModelException(name, fault.Message, fault);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        engine?.Dispose();
        gate.Dispose();
    }

    private LocalTextModel Open()
    {
        engine ??= OptionalEngines.LoadLlama(path);
        return model ??= new LocalTextModel(name, engine, ChatFormat.OfGguf(path, engine.Tokenizer, engine.Config.VocabularySize));
    }
}
