using CoScientist.Core.Studies;

namespace CoScientist.Tests.Core.Studies;

public sealed class BlindingTests
{
    private static readonly string[] Arms = ["sandbox-grpo-1", "sandbox-grpo-1@40", "reference", "Qwen3-8B"];

    [Theory]
    [InlineData("Written by Sandbox-GRPO-1@40.", "Written by [removed].")]
    [InlineData("As an AI language model, I would start small.", "[removed] I would start small.")]
    [InlineData("I'm Claude-4. We split by site.", "[removed]. We split by site.")]
    [InlineData("I am GPT 4.5, and we split by site.", "[removed], and we split by site.")]
    [InlineData("I am a large language model trained by OpenAI. We blind the raters.", "[removed]. We blind the raters.")]
    [InlineData("<think>I am qwen3-8b</think><solution>We blind the raters.</solution>", "We blind the raters.")]
    [InlineData("We begin. <think>never closed", "We begin.")]
    public void Scrub_SelfIdentifyingText_IsHidden(string text, string expected) => Assert.Equal(expected, Blinding.Scrub(text, Arms));

    [Theory]
    [InlineData("We treat the policy as a language model and keep a reference set.")]
    [InlineData("We fine-tune Llama-3 and compare with GPT-4 on x < 3 and y > 2.")]
    [InlineData("We train Qwen3-8Bit quantised models.")]
    public void Scrub_ContentOfAPlan_IsLeftAlone(string text) => Assert.Equal(text, Blinding.Scrub(text, Arms));
}
