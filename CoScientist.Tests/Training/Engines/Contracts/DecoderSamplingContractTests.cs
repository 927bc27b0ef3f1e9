using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Engines.Contracts;

/// <summary>Sampling as other runtimes do it, over logits of the managed engine that are computed anew for every token.</summary>
public sealed class DecoderSamplingContractTests(Kernels.KernelPools pools) : SamplingContract, IClassFixture<Kernels.KernelPools>
{
    protected override ISamplingEngine Open(string directory) => new LogitEngine(CpuEngine.Load(directory, pools.Single));

    private sealed class LogitEngine : ISamplingEngine, IDecoder
    {
        private readonly CpuEngine engine;
        private readonly DecoderSampling sampling;
        private int[][] sequences = [];

        public LogitEngine(CpuEngine engine)
        {
            this.engine = engine;
            sampling = new DecoderSampling(engine.Config, engine.Tokenizer, this);
        }

        public ModelConfig Config => engine.Config;

        public BpeTokenizer Tokenizer => engine.Tokenizer;

        public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken) =>
            sampling.Sample(requests, options, cancellationToken);

        // Fewer than the samples of a prompt, so that they come in several batches.
        public int RowsFor(int length) => 2;

        public void Read(IReadOnlyList<int[]> sequences, Span<float> logits)
        {
            this.sequences = [.. sequences];
            Compute(logits);
        }

        public void Continue(ReadOnlySpan<int> parents, ReadOnlySpan<int> tokens, Span<float> logits)
        {
            var next = new int[parents.Length][];
            for (var i = 0; i < next.Length; i++)
            {
                next[i] = [.. sequences[parents[i]], tokens[i]];
            }

            sequences = next;
            Compute(logits);
        }

        public void Dispose()
        {
            sampling.Dispose();
            engine.Dispose();
        }

        private void Compute(Span<float> logits)
        {
            for (var i = 0; i < sequences.Length; i++)
            {
                engine.Logits(sequences[i], sequences[i].Length - 1)[0].CopyTo(logits[(i * Config.VocabularySize)..]);
            }
        }
    }
}
