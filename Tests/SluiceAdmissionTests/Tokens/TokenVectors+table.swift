extension TokenVectors {
    static let vectors: [Vector] = [
        Vector(
            algorithm: "HS256",
            pyJWT: """
                eyJhbGciOiJIUzI1NiIsImtpZCI6ImstSFMyNTYiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.IdPAfd\
                eux8RnonIpA0m9zXCLteSMy5-H1dxi6IC-oy8
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.q0mRb_gZ4_36ZRheQ72hyE9dKwHl\
                Q5Y3zKjIqoGiQkk
                """
        ),
        Vector(
            algorithm: "HS384",
            pyJWT: """
                eyJhbGciOiJIUzM4NCIsImtpZCI6ImstSFMzODQiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.QTGTdU\
                EIFWwW24tOp-zHgcZujJOn9GkGmgLXRtyBxQWb-KAw2x1wg0vXwPMB_Yhh
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzM4NCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.j88nfiBxRFeoxVES1Iihim5jPVhl\
                dna2q2vEtKTPaWrq52iiPfnjJmXt2YX2alVn
                """
        ),
        Vector(
            algorithm: "HS512",
            pyJWT: """
                eyJhbGciOiJIUzUxMiIsImtpZCI6ImstSFM1MTIiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.BnPYUs\
                LlhmzmksJk-hzC1Br0lX2tPzVjv5wZbQ8iTdylDefZ6pTVeCUmxBw7vAuK_03cnGH0PyxRv6m_xG7SKQ
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.HZRJggmFSOi6UQ8vEGs-Q8AW7XzT\
                VQ4Vxa3OBd2go1ss01vv0dCXvsbXN9W9s_zv6S1zsnZWPalHoteQFqB7Nw
                """
        ),
        Vector(
            algorithm: "RS256",
            pyJWT: """
                eyJhbGciOiJSUzI1NiIsImtpZCI6ImstUlMyNTYiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.HhvUoh\
                ZBjuVWnBkNMOOIInmTel4rzksY0SFOx86gQ3uQWrM8UnRPnCd0zkla7-6mhtoOhdCqfzIRt1Q-ypKi9FK_PG67EK-N75Evr2xzjx\
                l-dCP_dXIaL2_TAdjUzA7KK3LUIgUIJrj2W9V-WmKcb0NsGe-M8Lt7QzFA4RgAfFNZUjmT23yb8mJcfZYJdOfn-iOgUfBu7j6yAi\
                FSaRb7InIeOXc7Ethj9BhbiQF51HbUQYAPtlj-F3lQuIMfl-9Ef4Ng3GZaA4uua9gkpzGi67-y6s500wqjNSl-dC0n1oNh67w3Jy\
                DRyDGGrxtqaM8FwIvInODnZlH1C456qEyvyg
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.LbQk2XzK_TnxX59nc0oxV1enPziS\
                X5_yfUuTxYCN7Y7cECTKjLk-oLnOg7yaVJul9mu0ptKJCYy7bGPfoIsS3G6kyV03vPi6elN4mtx9LjjjvwaIrywAMAy92h0wYiLk\
                KBYXSDgwq1lAoCuLU4-Fcc2oMK5rA-HWcBffunlu-SNSG2lfNXolSXYaAjN7gwD4KNDQJ_lkcZDgTOjMyF7VJsM57Bffx1kHOIWe\
                lVcYWXinI0ESIB1eYQumkF9gymWbQgks6ekNeCbjjnGd8T9g2GYQ-OflU0nGRr_byqfGYRTES5UGotfNnJD5zdSyLhAMH4BTDfXW\
                H4XURedIPpo_AA
                """
        ),
        Vector(
            algorithm: "RS384",
            pyJWT: """
                eyJhbGciOiJSUzM4NCIsImtpZCI6ImstUlMzODQiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.FOL4Zw\
                Sh5lbtadyxlpwqXiqVPC3cayf2hf1KIcr3ehWsfc8sJyc3ak-DrHRxfNEeSaCCFAHgFyUfQoXtJukBan8xheHfonAdEUavCqNpeV\
                HYEN2aLfpEYkGF3VMgqsi43PEIgyCP4AlCWX5IvUzbj77KlCEwx2rtkNLhvLOmfCVFbMP3Bo79Pnc_CKbiiGqF_q3NXMXI4oNSXe\
                JuH3-RJK1j85wE7DDpFeUqW0bO7huc9gMSnIuMJkLCBd0UxbySBYXmmp26T2tFgJKNgCLfdLUxbcaeFE-c50rRM3TzMTAEiitf1d\
                xZ6UzXC-OHiXKmdN53nLiUq95Md-o81lrY-w
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzM4NCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.aMRUe4iZiGiWPAmDvHdOqbb50zAH\
                t42HwrUrNWBvyAM0XFRdjvQsKbZPqBJNkPOb-y_T0f8LgMqI1isaa0Vqcr3_WwGLdlTEsUKpC2Zlrolhxq1ogg5Q_kHa4Q81oPwL\
                ut7PHmUtcrz-VRmRnc1LwbFmnP0TfCs9tw3ZFXmp9ktrqMiUvA31NatNGAnbu8tgqlQOQ5eI9xXkwuFdNeSnpWlBTS8klckcQO9e\
                bLNn35WJlxKXDL4zNE7OM5pBS1E5rYWjRLKZ7rkDaxKtU1jnXzprpRt01880LkL3N-AAdkI76qSE2XA5UOdfbYmhTwms-Gl3CG0F\
                x-uI6cpKQ2xSbw
                """
        ),
        Vector(
            algorithm: "RS512",
            pyJWT: """
                eyJhbGciOiJSUzUxMiIsImtpZCI6ImstUlM1MTIiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.j_x6Io\
                w6acj6pVmgwKBrpRiB_hxuVY8cblKsV2Qc-RpbxsRhUe5latlZ2MUhFZRZqlvr4GVtgiWVByjZgT0T6nyrYk_M4-ewa02xQzGL1J\
                0yXufzP-9Czq-j7dPEoOywFZvcQFl0LvczC4-KCWz7tqxbqnfJSEQJcNFDY77CdksZ05u2MK3lmJQYWNYrYyYh1Cg1EYSC8PwYjz\
                9pGEju3-ao_b8LtqAih_I7KH1jdS51iSJZQa_L_nBlGo3DdpmTvY8kkdh0JZumW0eeMNS7XpT7_qJAzVaITuMAPi7ykh8ybzohIv\
                k5OZDxqENRUofTFxDhf_1zdmFOM9VLnz4nwA
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzUxMiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.VNLrPcD81AUdIIPm7pSN_e2rurUa\
                ZX1Dvmbnq3PRIskQId-i3XwOLdS-FRv3FESbjaSE-4Q06tRKQR2qAMvA-cBCqMuAVOkCjsFeeJS6KcSJXtgUl9vRrd9Q9slIiqKC\
                GKAzJ86nf2G0id66b4ej8_qu1-IyfvAyIDHE-DrCfHY6r1aDvAUwvPNYcQq0JAqSTyZUfqJU52DtMWxxsdt3cGGJp3oYoOzkXv-V\
                PB9J_OfXnV3h7kuaAtwHJxvW3E0WHFcsfDxJqMI_aYjImAh6YjMCNC6obJNIj4V-Gu9GU-bwssv1X7l0AisWzHhQoTDmtOxwPKKp\
                2QzOThng_relUA
                """
        ),
        Vector(
            algorithm: "PS256",
            pyJWT: """
                eyJhbGciOiJQUzI1NiIsImtpZCI6ImstUFMyNTYiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.cAbSx8\
                fmTtkWbmOJWDSy98HLmbA8fx4EN0tH4ex4sS-0nYSm1VB7djO2hqVBnpSK3Dewzx1MGcjJx9tVIuZnzNC_OcuWOWBPvzA-IHcJq6\
                rnOdNnID5u4rNUWS3wK0O0Z1DXKx0mtHrAHMa3t-MvzqFVhAXc1ZCts0noplyQcfAKnCUYoSw1QClfPLdjdeWpRZUkyNETUfvXUs\
                lkW7TD0R5_JHuwbXfzXpEgPIv-WHCC7fpwpGYkhWD0SkwGZk1TlLhUYJ0PXqw6JzioKPbFs_45VBkgtkwy6DmtfEH6azV-LClPA_\
                triRvklXFSJ-a54jzdoJUnaMi8AVvz5CJzJA
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.Mq2j80AYVt1pFCzvYgfGOAriqzNk\
                AQzj4FTKZasXdqFFv1-ij4bdWb6Ii4rzScde97I2LeHNCOEgnbhTuprKyFRGroqfTXRiXEu57uG5UZXRhnVLGnYPYpGvKkoTWqPy\
                iquhHut5l88lrNoC2CKNXbKgKod8VtkkxWGFF-c4WnshnYZ1s-qiy3cUL3vNxY87nQoB_iySJsl4n498aFoV4zDwaYkdF0NSrDgv\
                nQWaePcNUNVauwuUVv9SGAX169qONvt1lCem_pTXn4eBLpW-Nnt03XNwsu8cTp_32CqSRE7BjXbVvWVsTg4tWMcEn8ggAWKZsFvc\
                2fZWMIF_e2dxoA
                """
        ),
        Vector(
            algorithm: "PS384",
            pyJWT: """
                eyJhbGciOiJQUzM4NCIsImtpZCI6ImstUFMzODQiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.aW-Fdg\
                ysq_CNnU-4oH6tM7-kpc40jhMLP2n8nNfqWo4ZNmZxV14C5gVViinm_54XOCm_aL67yv0FjTpaVREsePV7jhmt1B6LXRx6vfXZU3\
                DZ3qlGsEHFmRxPy-Pwcqv9C24ehseg9yEMfJc4bWiywnwtMJAQN3dTdTwz2zi9I5ulfGwqAw6qFSGLnaQDqtjIg6u5z-QklrT7Yy\
                CdT4XvhY6odKpxySWQ2dkAXsRg0WbAB87ImXpc-XxfSSJCXU41HhUz669Iroewjhx6kUeAO4Cj7q9YDmhN4JYwiyTDp3yvIrzHtB\
                FQKSMfEi3-Jud6AzdyP0o3YY6sFn1MPquTJw
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJQUzM4NCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.F7aGIeOMejzSebDLWKrigbKxzu48\
                BbIRXwBhakeQqcmOONO116gHUFjoP2WxrvsusCoRREfOkhjd-N-9IFkfJdszwcTmlSOkO9dsKujBNMK16tAIdHVluXQBVuhSukRG\
                PKWo_b-zYzebnCDNrU8mdWHEg8IeS1XkAYKqNzkfu3mv8H22tD1oZy2v52bPUCdqS2go4EDmaeaJlfmS9tNRhcHbVmr6tpsB6BhY\
                geHG-8-EC09B9Db5ZfNC_O5UNCTAWHpCd86_zu7Zryc_r-BbWNAhQ-SHONT4EteqwEYcSjOrIGzbn9CqBtsiMw-gCoyZai4M4JCm\
                C7-oFtqoL8mIAQ
                """
        ),
        Vector(
            algorithm: "PS512",
            pyJWT: """
                eyJhbGciOiJQUzUxMiIsImtpZCI6ImstUFM1MTIiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.VVXnvm\
                fqbazZhIykwmBnPdJyosRBHhVSrWB86TarRliSV-IHHvYzaZ5h8zsGDdSdO2iQrldOilkJTC7G3LObq8l5hxOokm4KjLqiR6IOCD\
                SXTUb-JfiRjNT2Y05OnYiYecnJzGtv49P2QYzdKAvgymdnHnWF6WOJ4qMxuPlki-vfUa2Yt5gl7aLHGT0FKbS_OT4iPZRyKCQCVU\
                5l4TxX5Q1F6P5XrF5zHzbhvTNqbJgbMcaj1Tq_yTWfLEZGyt3RsPHBX8lgqGkDW-g_9T_QUS4dOE8jMuYQBeSVFZacM2ljSRLAm7\
                R63su5IyaTGWVZ0Nh9PaTkPzQ4wzlCvXIqCQ
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJQUzUxMiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.Kv8JrFA1T39O11UlS4VgMMjLBxdb\
                7ZJhSurHO1TXnyTJ-uttHLFqY0hFXBYKE5jA5fvhBsGEss_foXZHfOIXwtQ73Hf6utimN1xJ59vOoiZI5pE68Bz90sFWbGykju2A\
                zWowPLgVqU1kGTmfCEE2YmRVNG-88MjyVozubeyJ_WRoCN4tiQK3Q6x4Asy4MMeTk60ESNHOrYwHxC8ugl6mWEHAJ0Lsi-ABSfZx\
                40m5kYBj306VF3Z9O828t7rTJsNApfYDBXksMMKpbZMjqV1s_sLY03IGC6HfG_JRTTFeeryTXhL431qIPO5iiGeZk6z3eocEs27U\
                wrVUUCs5Qarr1w
                """
        ),
        Vector(
            algorithm: "ES256",
            pyJWT: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImstRVMyNTYiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.VANDsc\
                _B9234VIQKNRoa0ZqOWff5xHMra3tcgCUvtj4bADqKb1J6GehUGIVupczYOwTEzGiN6xdh95UfFLp2GA
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.3MCjVGWluCTaMFJ4-2Wp15_E4aCC\
                yThzNvRugLv4RY9LpXFulyfARU56yvYRJkt8zwMoWAdon0vd7RFs7N6-wQ
                """
        ),
        Vector(
            algorithm: "ES384",
            pyJWT: """
                eyJhbGciOiJFUzM4NCIsImtpZCI6ImstRVMzODQiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.GScSjK\
                YuWgjRhGYGlAg_QSHF2zM-jZm3QlyeIXsvgoRUKAaeRZY8bcf5dkKuSRZhxvw6P20Emd3dXi_xp_h_4KA6CyP8OelBLjmEa3XZEh\
                dEW-roPCdZ89xsle_FlHxE
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzM4NCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.WfgBDEAUh3tChMFl3zvUY5SV5E4m\
                BsigZUZdiYXzJN5zwiphM6QK-YnuOUjiMJQ-AmMtMoWXrCYcMeX0Ng8CgmhZWdL8kDscKQTmRavO5Nvj1vUzdrOLYM82xRV-P7yZ
                """
        ),
        Vector(
            algorithm: "ES512",
            pyJWT: """
                eyJhbGciOiJFUzUxMiIsImtpZCI6ImstRVM1MTIiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.AbUq1V\
                WGrHBG7L6MfkOBvQ9f1K-GAirpSrz932zZ4mrqmbYmchmJ_20AEK9W_6vIcHaN1iVevvZLXciOFej-QhE4AaVQaQiK5oi3Us83SZ\
                -8yTKLUax8NXbAhS5sKXcmOZOEN5sHAYM3oY4U3dYI0uLYHNBbOXcGBclW-ii5b2bn2Mqj
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzUxMiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.ANChufsYw0cMAsq_iEteMYT8Kdwe\
                YsmZPwnNu-V3uHEIlHZ74sYnZlc39LPw__Q6yBy5BMk9QNZ5U-khwlJhAa6FAbzzAupm6oSqbafvvKpRKwRc1H97Ogx4mAmBAbmw\
                GKCrhbn7c42unuWgSuT3zZ71V3YoazR9ZhVtPG_RCS1ojD1m
                """
        ),
        Vector(
            algorithm: "EdDSA",
            pyJWT: """
                eyJhbGciOiJFZERTQSIsImtpZCI6ImstRWREU0EiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5O\
                SwiaWF0IjoxNzAwMDAwMDAwLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZ\
                XN0IiwianRpIjoidC0xIiwiaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.GdPogO\
                D9TzujOM1FinC2qn3BYtkR_aOVl5pviD36zERQvasS5-rymUwWCtM8bXU3d8cXoTcfKcHgGyJXIjm5AA
                """,
            joserfc: """
                eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OSwiaWF0IjoxNzAwMDAwMDA\
                wLCJyb2xlcyI6WyJ2aWV3ZXIiXSwic2NhbnMiOlsiYS0qIiwiYiJdLCJzY29wZSI6InJlYWQgaW5nZXN0IiwianRpIjoidC0xIiw\
                iaXNzIjoiaHR0cHM6Ly9pZHAuZXhhbXBsZSIsImF1ZCI6WyJzbHVpY2UiLCJvdGhlciJdfQ.ExuoYfvor1fuUVq3c-OHmh1XFH5t\
                eexshLxjNGR9qHoiCviE05Eg_K1K7bNq9as3RWIT-olLSpnDJE-cpMgrDA
                """
        ),
    ]
}
